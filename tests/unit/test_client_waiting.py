"""How the client waits for the end of a task."""

import pytest

from narad.client.errors import ResultHidden, TaskCancelled, TaskFailed
from narad.client.handles import as_is
from narad.client.task_flows import get
from narad.client.views import TaskFields
from narad.client.waiting import Deadline, created, ended, outcome_of
from narad.client.wire import Answer
from tests.support.client_flows import Clock, carry_out, task

WAITED = {"preference-applied": "wait=55"}


def still_running(**headers: str) -> Answer:
    given = task(status="IN_PROGRESS")
    return Answer(response=type(given.response)(status=200, headers=headers), body=given.body)


def waited() -> Answer:
    return still_running(**WAITED)


def fields(**said: object) -> TaskFields:
    read, _ = carry_out(get("x"), [task(**said)])
    return read.task


def test_a_wait_without_end_asks_for_the_longest_waits() -> None:
    clock = Clock()

    read, journal = carry_out(
        ended("x", Deadline.after(None, clock)), [waited(), waited(), task(status="COMPLETED")], clock
    )

    assert read.task.status == "COMPLETED"
    assert [call.query for call in journal.calls] == [(("wait", "55"),)] * 3
    assert journal.pauses == []


def test_a_wait_ends_in_time_with_the_state_reached() -> None:
    clock = Clock()

    read, journal = carry_out(ended("x", Deadline.after(60.3, clock)), [waited()] * 2 + [waited()] * 4, clock)

    assert read.task.status == "IN_PROGRESS"
    assert [call.wait_seconds for call in journal.calls] == [55, 5, 0, 0, 0, 0]
    assert journal.pauses == pytest.approx([0.1, 0.1, 0.1])
    assert clock.now == pytest.approx(60.3)


def test_a_service_that_takes_on_no_more_waits_is_asked_as_often_as_it_wants() -> None:
    clock = Clock()
    answers = [still_running(**{"retry-after": "5"}), still_running(), task(status="FAILED")]

    read, journal = carry_out(ended("x", Deadline.after(None, clock)), answers, clock)

    assert read.task.status == "FAILED"
    assert journal.pauses == [5, 1]


def test_a_creation_waits_as_long_as_one_request_can_and_then_goes_on() -> None:
    read, journal = carry_out(created("demo.echo", None, {"wait": 100}), [waited(), task(status="COMPLETED")])

    assert read.task.status == "COMPLETED"
    assert [(call.method, call.query) for call in journal.calls] == [
        ("POST", (("wait", "55"),)),
        ("GET", (("wait", "55"),)),
    ]


def test_a_creation_without_a_wait_is_one_request() -> None:
    read, journal = carry_out(created("demo.echo", None, {}), [task()])

    assert read.task.status == "NEW"
    assert [call.query for call in journal.calls] == [()]


def test_a_result_is_what_the_handler_returned() -> None:
    assert outcome_of(fields(status="COMPLETED", result={"n": 1}), as_is) == {"n": 1}
    assert outcome_of(fields(status="COMPLETED", result="7"), int) == 7


def test_a_task_without_a_result_says_why() -> None:
    error = {"type": "Timeout", "message": "too long", "retryable": True, "traceback": "…"}

    with pytest.raises(TaskFailed, match="Timeout: too long") as failed:
        outcome_of(fields(status="FAILED", error=error, failures=3), as_is)
    with pytest.raises(TaskCancelled, match="withdrawn"):
        outcome_of(fields(status="CANCELLED", cancel_reason="withdrawn"), as_is)
    with pytest.raises(ResultHidden, match="tasks:payload:read"):
        outcome_of(fields(status="COMPLETED", redacted=["payload", "result"]), as_is)
    assert failed.value.error is not None
    assert failed.value.error.traceback == "…"
