"""The suite runs in two parts; neither may hide what the other found."""

import pytest

from tests.support.suite import parts, verdict

OK, FAILED, NONE = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED


def test_what_promises_seconds_runs_alone_after_the_rest() -> None:
    shared, alone = parts(["--numprocesses", "4"], ["-k", "cancel"])

    assert shared == ["--numprocesses", "4", "-k", "cancel", "-m", "not serial"]
    assert alone == ["-k", "cancel", "-m", "serial"]


def test_one_after_the_other_is_one_part() -> None:
    assert parts([], ["-x"]) == [["-x"]]
    assert parts([], ["-x"], "slow") == [["-x", "-m", "slow"]]


def test_marks_that_are_asked_for_count_in_both_parts() -> None:
    shared, alone = parts(["--numprocesses", "4"], [], "slow or odd")

    assert shared[-2:] == ["-m", "(slow or odd) and not serial"]
    assert alone == ["-m", "(slow or odd) and serial"]


@pytest.mark.parametrize(
    ("codes", "whole"),
    [
        ([OK, OK], OK),
        ([OK, NONE], OK),
        ([NONE, OK], OK),
        ([NONE, NONE], NONE),
        ([FAILED, OK], FAILED),
        ([OK, FAILED], FAILED),
        ([NONE, FAILED], FAILED),
        ([OK, pytest.ExitCode.INTERRUPTED], pytest.ExitCode.INTERRUPTED),
    ],
)
def test_the_whole_passes_only_if_a_part_did_and_none_failed(codes: list[int], whole: int) -> None:
    assert verdict(codes) == whole
