"""What handlers return, as JSON that fits its annotation and can be stored."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from pydantic import BaseModel, Field, field_validator

from narad.domain.storable import DEEPEST
from narad.domain.task import Json
from narad.worker.signature import ResultError, Signature
from tests.support.json_values import STORABLE

LARGE = 1_000_000


class Colour(Enum):
    RED = "red"


class Report(BaseModel):
    made_at: datetime
    colour: Colour = Colour.RED
    lines: tuple[int, ...] = ()


class Renamed(BaseModel):
    inner_name: int = Field(alias="outerName")


def untyped():  # type: ignore[no-untyped-def]  # noqa: ANN201 - a handler as people write them
    """Say nothing of the result."""


def nothing() -> None:
    """Return nothing."""


def number() -> int:
    """Return a number."""
    return 1


def report() -> Report:
    """Return a model."""
    return Report(made_at=datetime(2026, 3, 1, tzinfo=UTC))


def documented() -> Annotated[Any, "a report"]:  # noqa: ANN401 - the matter of the test
    """Return anything."""


def renamed() -> Renamed:
    """Return a model whose fields have other names outside."""
    return Renamed(outerName=1)


def refusal_of(function: Callable[..., object], value: object, most_bytes: int = LARGE) -> str:
    with pytest.raises(ResultError) as caught:
        Signature(function).result(value, most_bytes)
    return str(caught.value)


@given(STORABLE)
def test_json_is_returned_unchanged_where_the_annotation_says_nothing(value: Json) -> None:
    for function in (untyped, documented):
        assert Signature(function).result(value, LARGE) == value


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00Z"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        ((1, [2]), [1, [2]]),
        ({1: b"x"}, {"1": "x"}),
        (
            Report(made_at=datetime(2026, 3, 1, tzinfo=UTC)),
            {"made_at": "2026-03-01T00:00:00Z", "colour": "red", "lines": []},
        ),
    ],
)
def test_values_with_a_form_in_json_are_stored_in_it(value: object, stored: Json) -> None:
    assert Signature(untyped).result(value, LARGE) == stored


def test_a_result_is_read_as_its_annotation_says() -> None:
    made: dict[str, object] = {"made_at": "2026-03-01T00:00:00Z", "lines": ["1", 2.0]}

    assert Signature(report).result(made, LARGE) == {
        "made_at": "2026-03-01T00:00:00Z",
        "colour": "red",
        "lines": [1, 2],
    }


@pytest.mark.parametrize(
    ("function", "value", "place"),
    [
        (nothing, 1, "value: "),
        (number, "many", "value: "),
        (number, None, "value: "),
        (report, {"lines": [1]}, "made_at: "),
        (report, {"made_at": 0, "lines": [1, "x"]}, "lines.1: "),
    ],
)
def test_a_result_that_does_not_fit_its_annotation_is_refused_naming_the_place(
    function: Callable[..., object], value: object, place: str
) -> None:
    assert refusal_of(function, value).startswith(f"The handler returned what cannot be stored: {place}")


class Endless(list[object]):
    """A list that holds itself."""

    def __init__(self) -> None:
        super().__init__([self])


def nested(depth: int) -> object:
    value: object = "leaf"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (math.nan, "must be a finite number"),
        ([1.0, {"a": -math.inf}], "must be a finite number"),
        ("a\x00b", "U+0000"),
        ({"\ud800": 1}, "surrogate"),
        (b"\xff", "utf-8"),
        (object(), "object"),
        (Endless(), "Circular"),
        (nested(DEEPEST + 1), "deeper"),
        (nested(5_000), "depth"),
        (10**5_000, "4300 digits"),
    ],
    ids=["nan", "inf", "nul", "surrogate", "bytes", "object", "circle", "deep", "deeper", "digits"],
)
def test_a_result_that_cannot_be_stored_is_refused_saying_why(value: object, words: str) -> None:
    assert words in refusal_of(untyped, value)


def test_not_a_number_is_refused_in_a_typed_result_too() -> None:
    def measured() -> dict[str, float]:
        """Return numbers."""
        return {}

    assert "finite" in refusal_of(measured, {"a": math.nan})


def test_a_result_may_be_as_large_as_it_may_and_not_a_byte_larger() -> None:
    assert Signature(untyped).result("ä" * 4, 10) == "ä" * 4

    assert "returned 11 bytes of JSON, more than 10" in refusal_of(untyped, "ä" * 4 + "x", 10)


def test_the_schema_of_the_result_is_what_the_annotation_says_or_none() -> None:
    assert Signature(untyped).result_schema is None
    assert Signature(documented).result_schema is None
    assert Signature(nothing).result_schema == {"type": "null"}
    assert Signature(number).result_schema == {"type": "integer"}


def test_the_stored_result_has_the_names_that_its_schema_promises() -> None:
    signature = Signature(renamed)
    schema = signature.result_schema
    assert schema is not None

    stored = signature.result(Renamed(outerName=1), LARGE)

    assert isinstance(stored, dict)
    assert list(stored) == schema["required"]


class Flawed(BaseModel):
    """A model whose own code fails in a way that Pydantic does not expect."""

    width: int

    @field_validator("width")
    @classmethod
    def look_up(cls, width: int) -> int:
        return {1: 1}[width]


def flawed() -> Flawed:
    """Return a model that cannot be checked."""
    return Flawed(width=1)


def test_a_flaw_in_the_checks_of_a_model_is_an_error_of_the_result() -> None:
    assert refusal_of(flawed, {"width": 2})
