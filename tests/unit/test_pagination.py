"""Cursors lead on, belong to their list, and anything else in their place is a clear error."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from narad.api import problems
from narad.api.pagination import Cursor, decode_cursor, encode_cursor
from narad.api.problems import Problem
from narad.api.task_query import FILTERS, LONGEST_CURSOR, SORTS, TaskQuery, to_order
from narad.domain.status import Priority, Status
from narad.domain.task import Part
from narad.store.order import Key, Position, SortKey
from tests.support.json_values import TEXT

SECRET, OTHER_SECRET = b"s" * 32, b"t" * 32
MOMENTS = st.datetimes(timezones=st.just(UTC))
TIMES = st.none() | MOMENTS | st.sampled_from(["-24h", "-30m"])
QUERIES = st.builds(
    TaskQuery.model_validate,
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.lists(st.sampled_from(Status), max_size=3),
            "priority": st.lists(st.sampled_from(Priority), max_size=3),
            "handler": st.lists(TEXT, max_size=2),
            "queue": st.lists(TEXT, max_size=2),
            "tag": st.lists(TEXT, max_size=2),
            "worker": st.lists(st.uuids(), max_size=2),
            "id": st.lists(st.uuids(), max_size=2),
            "name": st.none() | TEXT.map(lambda text: text[:20]),
            "has_error": st.none() | st.booleans(),
            "created_after": TIMES,
            "finished_before": TIMES,
            "sort": st.sampled_from(SORTS),
            "limit": st.integers(1, 200),
        },
    ),
)
KEYS: dict[SortKey, st.SearchStrategy[Key]] = {
    SortKey.CREATED_AT: st.none(),
    SortKey.STARTED_AT: st.none() | MOMENTS,
    SortKey.FINISHED_AT: st.none() | MOMENTS,
    SortKey.PRIORITY: st.sampled_from(Priority),
    SortKey.NAME: st.text(st.characters(codec="utf-8"), min_size=1, max_size=200),
}
AS_OF = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
HERE = Cursor(Position(UUID("0197f3a0-0000-7000-8000-000000000001")), AS_OF)


@st.composite
def places(draw: st.DrawFn) -> tuple[Cursor, TaskQuery]:
    """A query and a place in its list."""
    query = draw(QUERIES)
    position = Position(draw(st.uuids()), draw(KEYS[to_order(query).key]))
    return Cursor(position, draw(MOMENTS), draw(st.booleans())), query


def refusal_of(cursor: str, query: TaskQuery, secret: bytes = SECRET) -> Problem:
    with pytest.raises(Problem) as caught:
        decode_cursor(cursor, query, secret)
    problem = caught.value
    assert problem.kind is problems.INVALID_CURSOR
    assert [error.parameter for error in problem.errors] == ["cursor"]
    return problem


@given(places())
def test_a_cursor_leads_to_the_place_it_was_made_of(place: tuple[Cursor, TaskQuery]) -> None:
    cursor, query = place

    assert decode_cursor(encode_cursor(cursor, query, SECRET), query, SECRET) == cursor


@given(places())
def test_a_cursor_can_stand_in_a_url_as_it_is_and_fits_the_parameter(place: tuple[Cursor, TaskQuery]) -> None:
    cursor = encode_cursor(*place, SECRET)

    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert TaskQuery(cursor=cursor).cursor == cursor


def test_the_longest_name_in_the_widest_letters_fits_the_parameter() -> None:
    query = TaskQuery(sort="name")
    cursor = Cursor(Position(HERE.position.id, "\U0001f600" * 200), AS_OF)

    assert len(encode_cursor(cursor, query, SECRET)) <= LONGEST_CURSOR


@given(places(), st.integers(1, 200), st.lists(st.sampled_from(Part)))
def test_what_is_shown_of_a_page_may_change_on_the_way(
    place: tuple[Cursor, TaskQuery], limit: int, fields: list[Part]
) -> None:
    cursor, query = place
    text = encode_cursor(cursor, query, SECRET)
    later = query.model_copy(update={"limit": limit, "cursor": text, "fields": fields, "include": ["total"]})

    assert decode_cursor(text, later, SECRET) == cursor


@given(places(), QUERIES)
def test_a_cursor_of_other_filters_is_refused(place: tuple[Cursor, TaskQuery], other: TaskQuery) -> None:
    cursor, query = place
    other = other.model_copy(update={"sort": query.sort})
    assume(query.model_copy(update={"limit": 1}) != other.model_copy(update={"limit": 1}))

    assert "other filters" in refusal_of(encode_cursor(cursor, query, SECRET), other).detail


VALUES: dict[str, Any] = {
    "status": ["FAILED"],
    "priority": ["LOW"],
    "worker": [UUID(int=1)],
    "parent": [UUID(int=1)],
    "id": [UUID(int=1)],
    "has_error": False,
} | {name: ["a"] for name in ("handler", "queue", "tag")} | dict.fromkeys(("name", "q", "error_type"), "a")  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_counts(name: str) -> None:
    other = TaskQuery.model_validate({name: VALUES.get(name, "2026-01-01T00:00:00Z")})

    assert "other filters" in refusal_of(encode_cursor(HERE, TaskQuery(), SECRET), other).detail


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort != "-created_at"])
def test_a_cursor_of_another_order_is_refused(sort: str) -> None:
    other = TaskQuery.model_validate({"sort": sort})

    assert "another order" in refusal_of(encode_cursor(HERE, TaskQuery(), SECRET), other).detail


def test_a_cursor_of_another_installation_is_refused() -> None:
    refusal_of(encode_cursor(HERE, TaskQuery(), OTHER_SECRET), TaskQuery())


@given(st.text() | st.text("ABCxyz019-_+/=", min_size=50, max_size=70))
def test_any_other_text_is_refused_as_a_cursor(text: str) -> None:
    refusal_of(text, TaskQuery())


@pytest.mark.parametrize("text", ["", "ä", "\ud800", "=" * 34, "A" * 68, "A" * 67, "AAAA AAAA", "AA\nAA"])
def test_text_that_no_cursor_can_be_is_refused(text: str) -> None:
    refusal_of(text, TaskQuery())


@given(st.binary(max_size=80))
def test_other_bytes_of_the_right_look_are_refused(raw: bytes) -> None:
    refusal_of(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), TaskQuery())


@given(places(), st.data())
def test_a_cursor_that_was_changed_anywhere_is_refused(place: tuple[Cursor, TaskQuery], data: st.DataObject) -> None:
    cursor, query = place
    text = encode_cursor(cursor, query, SECRET)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))

    refusal_of(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), query)


def test_ages_count_from_the_first_page_on() -> None:
    query = TaskQuery.model_validate({"created_after": "-24h"})
    decoded = decode_cursor(encode_cursor(HERE, query, SECRET), query, SECRET)

    assert query.created_after == timedelta(hours=-24)
    assert decoded.as_of == AS_OF
