"""Places in a payload that nobody is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.redaction import redacted
from narad.domain.task import JsonObject

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
PAYLOADS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


WHOLE: JsonObject = {"word": "p", "card": {"number": 1, "of": "x"}, "cards": [{"number": 1}, 2]}


@pytest.mark.parametrize(
    ("paths", "changes", "found"),
    [
        (["word"], {"word": None}, ("word",)),
        (["card.number"], {"card": {"number": None, "of": "x"}}, ("card.number",)),
        (["cards.number"], {"cards": [{"number": None}, 2]}, ("cards.number",)),
        (["card", "word"], {"card": None, "word": None}, ("card", "word")),
        (["absent", "word.deeper", "card.absent"], {}, ()),
    ],
)
def test_what_is_at_the_paths_is_null_and_all_else_stays(
    paths: list[str], changes: JsonObject, found: tuple[str, ...]
) -> None:
    assert redacted(WHOLE, paths) == ({**WHOLE, **changes}, found)
    assert WHOLE["word"] == "p"


def test_a_place_that_is_null_anyway_is_told_as_the_others_are() -> None:
    assert redacted({"a": None}, ["a"]) == ({"a": None}, ("a",))


@given(PAYLOADS)
def test_without_paths_nothing_changes(payload: JsonObject) -> None:
    assert redacted(payload, []) == (payload, ())


@given(PAYLOADS, st.lists(st.sampled_from(["a", "b", "a.b", "b.c.a", "c.a"]), max_size=3, unique=True))
def test_hiding_twice_hides_no_more(payload: JsonObject, paths: list[str]) -> None:
    once, _ = redacted(payload, paths)

    assert redacted(once, paths)[0] == once
