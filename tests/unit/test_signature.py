"""From the annotations of a handler to checked arguments and a schema."""

import json
import math
from asyncio import Lock
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Optional
from uuid import UUID

import pytest
from hypothesis import given
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator

from narad.domain.task import Json, JsonObject
from narad.worker.context import Context
from narad.worker.signature import PayloadError, Signature, SignatureError
from tests.support.json_values import PAYLOADS


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(BaseModel):
    width: int
    height: int = 1


def typed(
    size: Size,
    when: datetime,
    url: HttpUrl,
    colours: list[Colour],
    ratio: Annotated[float, Field(gt=0)] = 0.5,
    anything: Any = None,  # noqa: ANN401 - one of the kinds
    *,
    background: Colour = Colour.RED,
) -> None:
    """Take a bit of everything."""


def awkward(schema: int, json: str, _x: float, copy: int, model_config: str, f0: int, *, self: int) -> None:
    """Take names that Pydantic keeps for itself."""


def open_ended(width: int, **more: int) -> None:
    """Take anything further, if it is a number."""


PAYLOAD: dict[str, Json] = {
    "size": {"width": 3},
    "when": "2026-03-01T12:00:00Z",
    "url": "https://example.com/x",
    "colours": ["blue", "red"],
}


def properties(signature: Signature) -> dict[str, dict[str, object]]:
    found = signature.payload_schema["properties"]
    assert isinstance(found, dict)
    return found


def refusal_of(signature: Signature, payload: JsonObject) -> str:
    with pytest.raises(PayloadError) as caught:
        signature.arguments(json.dumps(payload))
    return str(caught.value)


def test_arguments_come_in_the_types_of_the_annotations() -> None:
    arguments = Signature(typed).arguments(json.dumps(PAYLOAD | {"background": "blue", "anything": [1]}))

    assert arguments == {
        "size": Size(width=3, height=1),
        "when": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "url": HttpUrl("https://example.com/x"),
        "colours": [Colour.BLUE, Colour.RED],
        "ratio": 0.5,
        "anything": [1],
        "background": Colour.BLUE,
    }
    assert type(arguments["background"]) is Colour


def test_defaults_stand_in_for_what_the_payload_leaves_out() -> None:
    arguments = Signature(typed).arguments(json.dumps(PAYLOAD))

    assert (arguments["ratio"], arguments["anything"], arguments["background"]) == (0.5, None, Colour.RED)


def test_the_function_takes_the_arguments_as_they_are() -> None:
    call: Callable[..., None] = typed

    call(**Signature(typed).arguments(json.dumps(PAYLOAD)))


def test_the_schema_names_what_is_required_and_refuses_the_rest() -> None:
    schema = Signature(typed).payload_schema

    assert schema["required"] == ["size", "when", "url", "colours"]
    assert schema["additionalProperties"] is False
    assert properties(Signature(typed))["when"] == {"format": "date-time", "title": "When", "type": "string"}
    assert properties(Signature(typed))["ratio"]["exclusiveMinimum"] == 0


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"size": {"width": "wide"}}, "size.width: "),
        ({"size": None}, "size: "),
        ({"when": "yesterday"}, "when: "),
        ({"url": "ftp//nowhere"}, "url: "),
        ({"colours": ["red", "green"]}, "colours.1: "),
        ({"ratio": 0}, "ratio: "),
        ({"background": "green"}, "background: "),
        ({"colour": ["red"]}, "colour: Extra inputs are not permitted"),
        ({"typed": 1}, "typed: Extra inputs are not permitted"),
        ({"f0": 1}, "f0: Extra inputs are not permitted"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_naming_the_field(change: dict[str, Any], place: str) -> None:
    assert refusal_of(Signature(typed), PAYLOAD | change).startswith(place)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert [part.partition(":")[0] for part in refusal_of(Signature(typed), {"ratio": -1, "no": 1}).split("; ")] == [
        "size",
        "when",
        "url",
        "colours",
        "ratio",
        "no",
    ]


def test_a_parameter_may_have_a_name_that_pydantic_keeps_for_itself() -> None:
    signature = Signature(awkward)
    payload: dict[str, Json] = {
        "schema": 1, "json": "a", "_x": 2.5, "copy": 3, "model_config": "c", "f0": 4, "self": 5
    }  # fmt: skip

    assert signature.arguments(json.dumps(payload)) == payload
    assert list(properties(signature)) == signature.payload_schema["required"] == list(payload)
    assert refusal_of(signature, payload | {"schema": "x"}).startswith("schema: ")
    assert refusal_of(signature, payload | {"_x": "x"}).startswith("_x: ")


@pytest.mark.parametrize("name", ["more", "f0", "f1", "model_config", "__class__", "self", "", "a.b"])
def test_further_arguments_may_have_any_name(name: str) -> None:
    assert Signature(open_ended).arguments(json.dumps({"width": 1, name: "2"})) == {"width": 1, name: 2}


def test_further_arguments_show_in_the_schema() -> None:
    assert Signature(open_ended).payload_schema["additionalProperties"] is not False


def test_a_further_argument_that_does_not_fit_is_refused_naming_it() -> None:
    assert refusal_of(Signature(open_ended), {"width": 1, "height": "x"}).startswith("height: ")


def test_what_the_schema_lets_pass_of_further_arguments_fits_the_handler() -> None:
    assert Signature(open_ended).payload_schema["additionalProperties"] == {"type": "integer"}


@given(PAYLOADS)
def test_a_handler_of_anything_takes_any_payload_unchanged(payload: JsonObject) -> None:
    def anything(**payload: Any) -> None:  # noqa: ANN401 - the matter of the test
        """Take anything."""

    assert Signature(anything).arguments(json.dumps(payload)) == payload


@given(PAYLOADS)
def test_any_payload_fits_or_is_refused(payload: JsonObject) -> None:
    for function in (typed, awkward, open_ended):
        try:
            said = str(Signature(function).arguments(json.dumps(payload)))
        except PayloadError as error:
            said = str(error)
        assert said


def test_the_context_is_found_under_any_name_and_is_no_part_of_the_payload() -> None:
    def with_context(width: int, this_attempt: Context) -> None:
        """Take the context."""

    signature = Signature(with_context)

    assert signature.context_name == "this_attempt"
    assert list(properties(signature)) == ["width"]
    assert signature.arguments(json.dumps({"width": 1})) == {"width": 1}
    assert refusal_of(signature, {"width": 1, "this_attempt": 2}).startswith("this_attempt: ")


def test_a_parameter_called_ctx_is_no_context_unless_it_says_so() -> None:
    def without_context(ctx: int) -> None:
        """Take a number."""

    assert Signature(without_context).context_name is None
    assert Signature(without_context).arguments(json.dumps({"ctx": 1})) == {"ctx": 1}


@pytest.mark.parametrize(
    "annotation",
    [Context | None, Optional[Context], Annotated[Context, "documented"], Annotated[Context | None, 1]],  # noqa: UP045
    ids=["or None", "optional", "annotated", "both"],
)
def test_a_context_is_found_behind_none_and_annotated(annotation: Any) -> None:  # noqa: ANN401 - a type form
    def with_context(ctx: Any = None) -> None:  # noqa: ANN401 - replaced below
        """Take the context."""

    with_context.__annotations__["ctx"] = annotation

    assert Signature(with_context).context_name == "ctx"


def test_further_arguments_of_a_model_are_read_as_that_model() -> None:
    def sizes(**sizes: Size) -> None:
        """Take sizes under any name."""

    signature = Signature(sizes)

    assert signature.arguments(json.dumps({"f0": {"width": 2}})) == {"f0": Size(width=2)}
    assert refusal_of(signature, {"a": {"width": 1}, "b": {"width": "x"}}).startswith("b.width: ")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    when: datetime
    id: UUID
    colour: Colour
    days: tuple[timedelta, ...]
    ratio: float


STRICT: dict[str, Json] = {
    "when": "2026-03-01T12:00:00Z",
    "id": "0197f3a0-0000-7000-8000-000000000001",
    "colour": "red",
    "days": ["P1D"],
    "ratio": 1,
}


def test_a_strict_model_takes_what_json_can_express() -> None:
    def strict(model: Strict) -> None:
        """Take a strict model."""

    signature = Signature(strict)

    model = signature.arguments(json.dumps({"model": STRICT}))["model"]

    assert isinstance(model, Strict)
    assert (model.when, model.colour) == (datetime(2026, 3, 1, 12, tzinfo=UTC), Colour.RED)
    assert (model.id, model.days) == (UUID("0197f3a0-0000-7000-8000-000000000001"), (timedelta(days=1),))
    assert refusal_of(signature, {"model": STRICT | {"ratio": "1"}}).startswith("model.ratio: ")


@pytest.mark.parametrize("number", [10**400, -(2**64), 0.1 + 0.2, 1e16, -0.0, 5e-324, 1.7976931348623157e308, 1.0])
def test_numbers_reach_the_handler_as_they_are(number: float) -> None:
    def numbers(any_kind: Any, precise: int | float) -> None:  # noqa: ANN401 - the matter of the test
        """Take numbers."""

    arguments = Signature(numbers).arguments(json.dumps({"any_kind": number, "precise": number}))

    assert [repr(value) for value in arguments.values()] == [repr(number)] * 2


class Flawed(BaseModel):
    """A model whose own code fails in a way that Pydantic does not expect."""

    width: int

    @field_validator("width")
    @classmethod
    def look_up(cls, width: int) -> int:
        return {1: 1}[width]


def test_a_flaw_in_the_checks_of_a_model_is_an_error_of_the_payload() -> None:
    def flawed(shape: Flawed) -> None:
        """Take a model that cannot be checked."""

    assert refusal_of(Signature(flawed), {"shape": {"width": 2}})


class Leaving(BaseModel):
    """A model whose own code would end the process."""

    width: int

    @field_validator("width")
    @classmethod
    def leave(cls, width: int) -> int:
        raise SystemExit(width)


def test_a_check_that_would_end_the_process_is_an_error_of_the_payload() -> None:
    def leaving(shape: Leaving) -> None:
        """Take a model that cannot be checked."""

    assert refusal_of(Signature(leaving), {"shape": {"width": 2}}) == "the check failed: SystemExit: 2"


def test_a_default_that_json_cannot_express_is_left_out_of_the_schema() -> None:
    def bounded(width: float = math.inf) -> None:
        """Take a number, by default none that JSON knows."""

    signature = Signature(bounded)

    assert properties(signature)["width"] == {"title": "Width", "type": "number"}
    assert signature.arguments(json.dumps({})) == {"width": math.inf}


def positional_only(width: int, /) -> None:
    """Cannot be called by keyword."""


def variable(*widths: int) -> None:
    """Cannot be called by keyword."""


def two_contexts(a: Context, b: Context) -> None:
    """Take the context twice."""


def unresolved(width: int, height: "Missing") -> None:  # type: ignore[name-defined]  # noqa: F821 - a mistake
    """Name a type that is not there."""


def unresolved_result(width: int) -> "Missing":  # type: ignore[name-defined]  # noqa: F821 - a mistake
    """Name a type that is not there."""


def foreign(width: int, lock: Lock) -> None:
    """Take what no JSON becomes."""


def callable_one(width: int, call: Callable[[], int]) -> None:
    """Take what no JSON becomes."""


def foreign_rest(width: int, **locks: Lock) -> None:
    """Take what no JSON becomes."""


def foreign_result() -> Lock:
    """Return what has no form in JSON."""
    return Lock()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (positional_only, "positional_only: parameter 'width' cannot be given by keyword"),
        (variable, "variable: parameter 'widths' cannot be given by keyword"),
        (two_contexts, "two_contexts: two parameters are a Context"),
        (unresolved, r"unresolved: parameter 'height': NameError: name 'Missing' is not defined"),
        (unresolved_result, r"unresolved_result: the result: NameError: name 'Missing' is not defined"),
        (foreign, "foreign: parameter 'lock' has no form in JSON: Unable to generate pydantic-core schema"),
        (callable_one, "callable_one: parameter 'call' has no form in JSON: "),
        (foreign_rest, "foreign_rest: parameter 'locks' has no form in JSON: "),
        (foreign_result, "foreign_result: the result has no form in JSON: "),
    ],
)
def test_a_function_that_cannot_be_a_handler_is_refused_naming_it(function: Any, words: str) -> None:  # noqa: ANN401
    with pytest.raises(SignatureError, match=f"^tests.unit.test_signature.{words}"):
        Signature(function)
