"""Errors as clients get them: one catalogue, pointers that lead back, and bodies that any client can read."""

import json
import re
from collections.abc import Sequence
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from narad.api import problems
from narad.api.errors import from_validation, nearest
from narad.api.problems import KINDS, FieldError, Kind, Problem, of_status, pointer
from narad.api.schemas import TaskCreate
from narad.api.task_query import TaskQuery

PARAMETERS = tuple(TaskQuery.model_fields)


def body_of(problem: Problem, root_path: str = "") -> dict[str, object]:
    return TypeAdapter(dict[str, object]).validate_python(
        json.loads(bytes(problem.response({"root_path": root_path}).body))
    )


def refusal(model: type[TaskCreate] | type[TaskQuery], fields: object) -> Problem:
    """The problem for input as FastAPI would report it."""
    place = "body" if model is TaskCreate else "query"
    with pytest.raises(ValidationError) as caught:
        model.model_validate(fields)
    errors = [{**error, "loc": (place, *error["loc"])} for error in caught.value.errors()]
    return from_validation(errors, PARAMETERS)


def unescaped(text: str) -> list[str]:
    """The tokens of a pointer, as RFC 6901 has them read."""
    assert text.startswith("#")
    return [token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/")[1:]]


@given(st.lists(st.text() | st.integers(0, 99)))
def test_a_pointer_leads_back_to_its_tokens(path: list[str | int]) -> None:
    assert unescaped(pointer(path)) == [str(token) for token in path]


@pytest.mark.parametrize(
    ("path", "text"), [([], "#"), (["a", 0], "#/a/0"), (["a/b", "c~d"], "#/a~1b/c~0d"), (["~1"], "#/~01"), ([""], "#/")]
)
def test_a_pointer_escapes_what_would_mislead(path: Sequence[str | int], text: str) -> None:
    assert pointer(path) == text


def test_every_kind_is_told_apart_by_its_slug_and_code() -> None:
    assert len(KINDS) >= 13
    assert len({kind.slug for kind in KINDS}) == len({kind.code for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_kind_is_well_formed(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)
    assert kind.code == kind.slug.replace("-", "_")
    assert HTTPStatus(kind.status) >= HTTPStatus.BAD_REQUEST
    assert kind.title.endswith(".")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_status_and_code_in_the_body_are_those_of_the_answer(kind: Kind) -> None:
    problem = Problem(kind, "Why.", headers={"Retry-After": "1"})

    response = problem.response({"root_path": "/behind/a/proxy", "state": {"request_id": "7"}})

    assert response.status_code == kind.status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    assert body_of(problem, "/behind/a/proxy") == {
        "type": f"/behind/a/proxy/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "Why.",
        "code": kind.code,
    }


@given(st.text(), st.text(st.characters(min_codepoint=0xDC00, max_codepoint=0xDFFF), min_size=1))
def test_whatever_a_text_of_the_request_holds_the_body_is_ascii_and_says_it_back(text: str, surrogates: str) -> None:
    error = FieldError(detail=text, code="x", pointer=pointer([surrogates]))
    problem = Problem(problems.VALIDATION_ERROR, text + surrogates, errors=[error], nearest=surrogates)

    assert bytes(problem.response({}).body).isascii()
    body = body_of(problem)
    assert body["detail"] == text + surrogates
    assert body["nearest"] == surrogates


def test_a_field_error_shows_the_members_that_are_set() -> None:
    assert FieldError(detail="d", code="c").as_json() == {"detail": "d", "code": "c"}
    assert FieldError(detail="d", code="c", parameter="p").as_json() == {"detail": "d", "code": "c", "parameter": "p"}


@pytest.mark.parametrize(
    ("status", "slug"), [(404, "not-found"), (405, "method-not-allowed"), (413, "payload-too-large")]
)
def test_an_error_of_the_framework_gets_its_kind(status: int, slug: str) -> None:
    assert of_status(status) == next(kind for kind in KINDS if kind.slug == slug)


def test_an_error_status_without_a_kind_of_its_own_is_told_as_one_of_http() -> None:
    assert of_status(418) == Kind("http-error", 418, problems.HTTP_ERROR.title)


def test_a_wrong_field_is_named_by_its_pointer() -> None:
    problem = refusal(TaskCreate, {"name": "", "priority": "URGENT", "tags": ["a", 1], "extra": 1})

    assert problem.kind is problems.VALIDATION_ERROR
    assert problem.detail == "4 fields are not valid."
    assert {error.pointer for error in problem.errors} == {"#/name", "#/priority", "#/tags/1", "#/extra"}


def test_the_words_of_our_own_validators_stand_alone() -> None:
    problem = refusal(TaskCreate, {"name": "a\x00"})

    assert problem.detail == "1 field is not valid."
    assert [error.detail for error in problem.errors] == ["must not contain the character U+0000"]


def test_a_wrong_value_of_a_parameter_is_named_by_the_parameter() -> None:
    problem = refusal(TaskQuery, {"limit": 0, "status": ["NEW", "OLD"]})

    assert {error.parameter for error in problem.errors} == {"limit", "status"}


@pytest.mark.parametrize(
    ("name", "known"), [("statsu", "status"), ("priorty", "priority"), ("created_befor", "created_before")]
)
def test_an_unknown_parameter_is_refused_naming_the_nearest(name: str, known: str) -> None:
    problem = refusal(TaskQuery, {name: "x"})

    assert problem.kind is problems.UNKNOWN_PARAMETER
    assert problem.detail == f"There is no parameter {name}. Did you mean {known}?"
    assert body_of(problem)["nearest"] == known


def test_an_unknown_parameter_unlike_any_other_is_refused_with_all_that_are_known() -> None:
    problem = refusal(TaskQuery, {"zzz": "x"})

    assert all(parameter in problem.detail for parameter in PARAMETERS)
    assert body_of(problem)["nearest"] is None


@pytest.mark.parametrize(("name", "close"), [("demo.ehco", "demo.echo"), ("xyz", None), ("", None)])
def test_the_nearest_name_is_one_that_looks_alike_or_none(name: str, close: str | None) -> None:
    assert nearest(name, ["demo.echo", "demo.fail"]) == close
