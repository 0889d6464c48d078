"""Every type of problem has a page, and no page is of a type that is not there."""

from narad.api import problems
from narad.api.problem_pages import HELP


def test_every_type_of_problem_has_its_help() -> None:
    assert set(HELP) == {kind.slug for kind in problems.KINDS}


def test_slugs_are_told_apart() -> None:
    assert len({kind.slug for kind in problems.KINDS}) == len(problems.KINDS)
