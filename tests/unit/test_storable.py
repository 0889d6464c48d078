"""What both databases can keep passes; everything else is refused, with the place where it is."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.storable import DEEPEST, NotStorableError, check_json, check_text
from narad.domain.task import Json
from tests.support.json_values import STORABLE, TEXT

PATHS = st.lists(TEXT | st.integers(0, 3), max_size=DEEPEST - 1)
NOT_STORABLE = [
    ("\x00", "must not contain the character U+0000"),
    ("a\x00b", "must not contain the character U+0000"),
    ("\ud800", "must not contain half of a surrogate pair"),
    ("\udfffx", "must not contain half of a surrogate pair"),
    (math.nan, "must be a finite number"),
    (math.inf, "must be a finite number"),
    (-math.inf, "must be a finite number"),
    (b"bytes", "bytes is not JSON"),
    ({1, 2}, "set is not JSON"),
    (object(), "object is not JSON"),
    ({1: "x"}, "must have texts as keys"),
    ({None: "x"}, "must have texts as keys"),
]


def refusal_of(value: object) -> NotStorableError:
    with pytest.raises(NotStorableError) as caught:
        check_json(value)
    return caught.value


def wrapped(value: object, path: list[str | int]) -> object:
    """The value, so deep inside lists and objects that `path` leads to it."""
    for token in reversed(path):
        value = [None] * token + [value] if isinstance(token, int) else {"other": 1, token: value}
    return value


@given(STORABLE)
def test_storable_json_passes(value: Json) -> None:
    check_json(value)


@given(TEXT)
def test_storable_text_comes_back_unchanged(text: str) -> None:
    assert check_text(text) == text


@pytest.mark.parametrize(("value", "reason"), NOT_STORABLE)
@given(path=PATHS)
def test_what_cannot_be_stored_is_refused_with_the_path_to_it(
    value: object, reason: str, path: list[str | int]
) -> None:
    error = refusal_of(wrapped(value, path))

    assert (error.reason, error.path) == (reason, tuple(path))


@pytest.mark.parametrize("key", ["\x00", "\ud800"])
@given(path=PATHS)
def test_a_key_that_cannot_be_stored_is_refused_with_the_path_to_its_object(key: str, path: list[str | int]) -> None:
    assert refusal_of(wrapped({key: 1}, path)).path == tuple(path)


def test_nesting_is_allowed_up_to_its_limit_and_refused_beyond() -> None:
    check_json(wrapped("leaf", ["deeper"] * DEEPEST))

    error = refusal_of(wrapped("leaf", [0] * (DEEPEST + 1)))

    assert error.path == (0,) * (DEEPEST + 1)
    assert str(DEEPEST) in error.reason


def test_nesting_without_end_is_refused_and_does_not_exhaust_the_stack() -> None:
    endless: list[object] = []
    endless.append(endless)

    assert len(refusal_of(endless).path) == DEEPEST + 1


def test_a_number_is_stored_as_long_as_it_can_be_read_again() -> None:
    longest = 10**4_299

    check_json([-longest, longest])
    assert json.loads(json.dumps(longest)) == longest
    for number in (10**4_300, -(10**4_300)):
        assert refusal_of([number]).path == (0,)
