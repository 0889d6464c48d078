"""What clients may prefer, and how it is read."""

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from narad.api.event_schemas import EventQuery
from narad.api.preferences import NO_PREFERENCES, Preferences, etag, has_already, preferences_of
from narad.domain.event import EventType
from narad.domain.status import Status


def request(*headers: tuple[str, str], query: str = "") -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        (["wait=10"], Preferences(10)),
        (["Wait = 10 ; x=y"], Preferences(10)),
        (['wait="7"'], Preferences(7)),
        (["wait=5, wait=9"], Preferences(5)),
        (["wait=5", "return=minimal"], Preferences(5, minimal=True)),
        (["respond-async, return=minimal, wait=0"], Preferences(0, minimal=True)),
        (["return=representation"], Preferences()),
        (["wait=100"], Preferences(55)),
        (["wait=" + "9" * 5_000], Preferences(55)),
        (["wait=-1"], Preferences()),
        (["wait=1.5"], Preferences()),
        (["wait=²"], Preferences()),
        (["wait"], Preferences()),
        ([",;=,"], Preferences()),
    ],
)
def test_a_header_is_followed_as_far_as_it_is_understood(prefer: list[str], expected: Preferences) -> None:
    raw = [(b"prefer", value.encode("latin-1")) for value in prefer]
    asked = Request({"type": "http", "headers": raw, "query_string": b""})

    assert preferences_of(asked) == expected


def test_a_request_without_any_gets_the_one_value_for_none() -> None:
    assert preferences_of(request(("accept", "*/*"))) is NO_PREFERENCES


def test_the_parameter_wins_over_the_header() -> None:
    assert preferences_of(request(("prefer", "wait=10"), query="wait=3")) == Preferences(3)
    assert preferences_of(request(("prefer", "wait=10"), query="wait=0")) == Preferences(0)


def test_a_parameter_that_is_not_known_is_refused() -> None:
    with pytest.raises(RequestValidationError) as caught:
        preferences_of(request(("prefer", "wait=10"), query="wait=3&wiat=1"))

    assert [error["loc"] for error in caught.value.errors()] == [("query", "wiat")]


@pytest.mark.parametrize("wait", ["", "-1", "56", "1.5", "x", "9" * 5_000])
def test_a_parameter_that_is_not_valid_is_refused(wait: str) -> None:
    with pytest.raises(RequestValidationError) as caught:
        preferences_of(request(query=f"wait={wait}"))

    assert [error["loc"] for error in caught.value.errors()] == [("query", "wait")]


@pytest.mark.parametrize(
    ("header", "has"),
    [('"v7"', True), ('W/"v7"', True), ('"v6", "v7"', True), ("*", True), ('"v6"', False), ("v7", False), ("", False)],
)
def test_the_versions_that_a_client_has(header: str, has: bool) -> None:  # noqa: FBT001
    assert has_already(request(("if-none-match", header)), 7) is has
    assert etag(7) == '"v7"'


def test_what_was_followed_is_said() -> None:
    both = Preferences(5, minimal=True)

    assert both.applied(waited=True, minimal=True) == {"Preference-Applied": "return=minimal, wait=5"}
    assert both.applied(waited=False) == {}


def test_types_of_events_are_listed_or_meant_by_a_star() -> None:
    assert EventQuery(types=["task.failed, task.started", "task.created"]).wanted(frozenset()).types == {
        EventType.FAILED,
        EventType.STARTED,
        EventType.CREATED,
    }
    assert EventQuery(types=["task.*"]).wanted(frozenset()).types == frozenset()
    assert EventQuery(status=[Status.FAILED]).wanted(frozenset()).statuses == {Status.FAILED}


def test_an_unknown_type_of_event_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"did you mean task\.failed"):
        EventQuery(types=["task.fialed"])
