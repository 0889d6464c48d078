"""Cancelling a task: while it waits, while it runs, when it is over."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.tasks_api import TasksApi


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def test_a_waiting_task_is_cancelled_at_once(api: TasksApi) -> None:
    task = api.create("demo.echo", run_at=in_an_hour())

    answer = api.cancel(task["id"])

    assert answer.status_code == 200
    cancelled = answer.json()
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["error"]["type"] == "Cancelled"
    assert cancelled["started_at"] is None
    assert cancelled["finished_at"] >= cancelled["created_at"]
    assert api.get(task["id"]) == cancelled


def test_cancelling_again_changes_nothing(api: TasksApi) -> None:
    task = api.create("demo.echo", run_at=in_an_hour())
    first = api.cancel(task["id"])

    again = api.cancel(task["id"])

    assert again.status_code == 200
    assert again.json() == first.json()


def test_a_cancelled_task_never_starts(api: TasksApi) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=0.5)
    task = api.create("demo.echo", run_at=run_at.isoformat())
    api.cancel(task["id"])
    later = api.create("demo.echo", run_at=(run_at + timedelta(seconds=0.3)).isoformat())

    api.wait_for(later["id"], "COMPLETED")

    assert api.get(task["id"])["status"] == "CANCELLED"
    assert api.get(task["id"])["attempt"] == 0


@pytest.mark.parametrize(
    ("handler", "payload"),
    [("demo.simulate", {"seconds": 600}), ("tests.hold", {"gate": "never"}), ("tests.hold_thread", {"gate": "never"})],
)
def test_a_running_task_is_stopped_by_its_worker(api: TasksApi, handler: str, payload: dict[str, object]) -> None:
    task = api.create(handler, payload)
    api.wait_for(task["id"], "IN_PROGRESS")

    answer = api.cancel(task["id"])

    assert answer.status_code == 202
    asked = answer.json()
    assert asked["status"] == "IN_PROGRESS"
    assert asked["cancel_requested_at"] is not None
    again = api.cancel(task["id"])
    assert again.status_code in {202, 200}
    assert again.json()["cancel_requested_at"] == asked["cancel_requested_at"]
    cancelled = api.wait_for(task["id"], "CANCELLED", seconds=5)
    assert cancelled["finished_at"] >= asked["cancel_requested_at"]
    assert cancelled["result"] is None
    assert cancelled["failures"] == 0


def test_a_task_that_waits_for_its_next_attempt_is_cancelled_at_once(api: TasksApi) -> None:
    task = api.create("tests.fail_later", max_attempts=2)
    api.wait_for_failure(task["id"])

    answer = api.cancel(task["id"])

    assert answer.status_code == 200
    assert answer.json()["status"] == "CANCELLED"


@pytest.mark.parametrize(("handler", "status"), [("demo.echo", "COMPLETED"), ("demo.fail", "FAILED")])
def test_what_is_over_cannot_be_cancelled(api: TasksApi, handler: str, status: str) -> None:
    task = api.create(handler, max_attempts=1)
    over = api.wait_for(task["id"], status)

    answer = api.cancel(task["id"])

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/invalid-state"
    assert problem["code"] == "invalid_state"
    assert problem["current_status"] == status
    assert api.get(task["id"]) == over


def test_an_unknown_task_cannot_be_cancelled(api: TasksApi) -> None:
    answer = api.cancel(str(uuid4()))

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
