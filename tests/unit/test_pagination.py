"""Cursors lead on, belong to their filters, and anything else in their place is a clear error."""

import base64
from datetime import UTC
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from narad.api import problems
from narad.api.pagination import decode_cursor, encode_cursor
from narad.api.problems import Problem
from narad.api.schemas import TaskQuery
from narad.domain.status import Priority, Status
from tests.support.json_values import TEXT

QUERIES = st.builds(
    TaskQuery,
    status=st.lists(st.sampled_from(Status), max_size=3),
    priority=st.lists(st.sampled_from(Priority), max_size=3),
    handler=st.lists(TEXT, max_size=2),
    queue=st.lists(TEXT, max_size=2),
    tag=st.lists(TEXT, max_size=2),
    name=st.none() | TEXT.map(lambda text: text[:20]),
    created_after=st.none() | st.datetimes(timezones=st.just(UTC)),
    created_before=st.none() | st.datetimes(timezones=st.just(UTC)),
    limit=st.integers(1, 200),
)
LAST = UUID("0197f3a0-0000-7000-8000-000000000001")


def refusal_of(cursor: str, query: TaskQuery) -> Problem:
    with pytest.raises(Problem) as caught:
        decode_cursor(cursor, query)
    problem = caught.value
    assert problem.kind is problems.INVALID_CURSOR
    assert [error.parameter for error in problem.errors] == ["cursor"]
    return problem


@given(st.uuids(), QUERIES)
def test_a_cursor_leads_to_the_id_it_was_made_of(last: UUID, query: TaskQuery) -> None:
    assert decode_cursor(encode_cursor(last, query), query) == last


@given(st.uuids(), QUERIES)
def test_a_cursor_can_stand_in_a_url_as_it_is_and_fits_the_parameter(last: UUID, query: TaskQuery) -> None:
    cursor = encode_cursor(last, query)

    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert TaskQuery(cursor=cursor).cursor == cursor


@given(QUERIES, st.integers(1, 200))
def test_the_size_of_the_page_may_change_and_the_cursor_itself_is_no_filter(query: TaskQuery, limit: int) -> None:
    cursor = encode_cursor(LAST, query)

    assert decode_cursor(cursor, query.model_copy(update={"limit": limit, "cursor": cursor})) == LAST


@given(QUERIES, QUERIES)
def test_a_cursor_of_other_filters_is_refused(query: TaskQuery, other: TaskQuery) -> None:
    assume(query.model_copy(update={"limit": 1}) != other.model_copy(update={"limit": 1}))

    assert "other filters" in refusal_of(encode_cursor(LAST, query), other).detail


@pytest.mark.parametrize(
    "other",
    [
        TaskQuery(status=[Status.FAILED]),
        TaskQuery(priority=[Priority.LOW]),
        TaskQuery(handler=["a"]),
        TaskQuery(queue=["a"]),
        TaskQuery(tag=["a"]),
        TaskQuery(name="a"),
        TaskQuery.model_validate({"created_after": "2026-01-01T00:00:00Z"}),
        TaskQuery.model_validate({"created_before": "2026-01-01T00:00:00Z"}),
    ],
    ids=lambda query: next(iter(query.model_fields_set)),
)
def test_every_filter_counts(other: TaskQuery) -> None:
    refusal_of(encode_cursor(LAST, TaskQuery()), other)


@given(st.text() | st.text("ABCxyz019-_+/=", min_size=30, max_size=40))
def test_any_other_text_is_refused_as_a_cursor(text: str) -> None:
    refusal_of(text, TaskQuery())


@pytest.mark.parametrize("text", ["", "ä", "\ud800", "=" * 34, "A" * 34, "A" * 33, "AAAA AAAA", "AA\nAA"])
def test_text_that_no_cursor_can_be_is_refused(text: str) -> None:
    refusal_of(text, TaskQuery())


@given(st.binary(min_size=20, max_size=30))
def test_other_bytes_of_the_right_look_are_refused(raw: bytes) -> None:
    refusal_of(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), TaskQuery())


@given(st.integers(0, 24), st.integers(1, 255))
def test_a_changed_cursor_is_refused_or_leads_elsewhere_and_breaks_nothing(place: int, change: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(encode_cursor(LAST, TaskQuery()) + "=="))
    raw[place] ^= change
    cursor = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    if 1 <= place <= 16:
        assert decode_cursor(cursor, TaskQuery()) != LAST
    else:
        refusal_of(cursor, TaskQuery())


def test_a_cursor_of_another_version_is_refused() -> None:
    raw = bytearray(base64.urlsafe_b64decode(encode_cursor(LAST, TaskQuery()) + "=="))
    raw[0] += 1

    refusal_of(base64.urlsafe_b64encode(raw).decode(), TaskQuery())
