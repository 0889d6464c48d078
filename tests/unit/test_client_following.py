"""Following events over several connections."""

import json

import pytest

from narad.client.errors import ConnectionFailed, NotFound, UnexpectedAnswer, error_of
from narad.client.following import Following
from narad.client.retrying import RetryPolicy
from tests.support.client_flows import lost, problem

PATH = "/api/v1/tasks/x/events"


def following(*, of_one_task: bool = True, after: str | None = None, max_retries: int = 2) -> Following:
    policy = RetryPolicy(max_retries=max_retries, dice=lambda: 1.0)
    return Following(PATH, (("status", "FAILED"),), policy, of_one_task=of_one_task, after=after)


def frame(kind: str, place: str | None = None, **fields: object) -> bytes:
    said = {"type": kind, "timestamp": "2026-11-24T10:00:00.000000Z", "data": {"id": "x", **fields}}
    place_line = f"id: {place}\n" if place else ""
    return f"event: {kind}\ndata: {json.dumps(said)}\n{place_line}\n".encode()


def test_a_stream_goes_on_behind_the_last_event_that_came() -> None:
    course = following()

    course.opened()
    first = course.feed(frame("task.created") + frame("task.started", "e-1", status="IN_PROGRESS", attempt=1))
    course.pause_after(lost())
    course.opened()

    assert [event.type for event in first] == ["task.created", "task.started"]
    assert (first[1].task_id, first[1].status, first[1].attempt, first[1].version) == ("x", "IN_PROGRESS", 1, None)
    assert course.call().headers["Last-Event-ID"] == "e-1"
    assert course.call().query == (("status", "FAILED"),)


def test_a_stream_begins_where_the_caller_says() -> None:
    assert following(after="e-9").call().headers["Last-Event-ID"] == "e-9"
    assert "Last-Event-ID" not in following().call().headers


@pytest.mark.parametrize("last", [frame("task.failed", "e-2"), b'event: end\ndata: {"id": "x"}\n\n'])
def test_a_stream_of_one_task_ends_with_it(last: bytes) -> None:
    course = following()
    course.opened()

    course.feed(frame("task.started", "e-1") + last + frame("task.retried", "e-3"))

    assert course.ended


def test_a_stream_of_all_goes_on_when_a_task_ends() -> None:
    course = following(of_one_task=False)
    course.opened()

    events = course.feed(frame("task.failed", "e-1") + frame("task.created", "e-2"))

    assert [event.type for event in events] == ["task.failed", "task.created"]
    assert not course.ended


def test_where_a_task_stands_is_told_once_though_it_is_connected_twice() -> None:
    course = following()
    course.opened()
    course.feed(frame("task.created", status="NEW", version=1))
    course.pause_after(lost())
    course.opened()

    same = course.feed(frame("task.created", status="NEW", version=2))
    other = course.feed(frame("task.pending", status="PENDING", version=3))

    assert same == []
    assert [event.type for event in other] == ["task.pending"]


def test_what_was_missed_without_a_place_to_go_on_from_is_told_of() -> None:
    course = following(of_one_task=False)

    assert course.opened() == []
    assert [event.type for event in course.opened()] == ["resync"]
    course.feed(frame("task.created", "e-1"))
    assert course.opened() == []


def test_a_resync_of_the_service_is_passed_on() -> None:
    course = following()
    course.opened()

    (event,) = course.feed(b"event: resync\nid: e-5\ndata: {}\n\n")

    assert event.is_resync
    assert course.call().headers["Last-Event-ID"] == "e-5"


def test_events_that_only_newer_clients_know_are_left_out() -> None:
    course = following()
    course.opened()

    assert course.feed(b"event: worker.lost\ndata: {}\n\n") == []
    with pytest.raises(UnexpectedAnswer):
        course.feed(b"event: task.created\ndata: {}\n\n")


def test_the_service_says_when_to_come_back() -> None:
    course = following()
    course.opened()
    course.feed(b"retry: 3500\n\n")

    assert course.pause_after(None) == 3.5


def test_connections_that_fail_one_after_another_end_it_and_an_event_begins_the_count_anew() -> None:
    course = following(max_retries=2)

    assert [course.pause_after(lost()), course.pause_after(lost())] == [0.5, 1]
    course.opened()
    course.feed(frame("task.created"))
    assert course.pause_after(lost()) == 0.5
    assert course.pause_after(lost()) == 1
    with pytest.raises(ConnectionFailed):
        course.pause_after(lost())


def test_a_refusal_ends_it_at_once() -> None:
    given = problem(404, "not_found")

    with pytest.raises(NotFound):
        following().pause_after(error_of(given.response, given.body))
