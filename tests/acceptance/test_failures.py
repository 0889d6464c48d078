"""Attempts that fail: what is tried again, what is not, and what people are told."""

import pytest

from tests.support.tasks_api import TasksApi


def test_a_task_fails_after_its_attempts_with_the_evidence(api: TasksApi) -> None:
    task = api.create("demo.fail", {"message": "no such luck: €"}, max_attempts=2)

    failed = api.wait_for(task["id"], "FAILED")

    assert failed["attempt"] == 2
    assert failed["failures"] == 2
    assert failed["losses"] == 0
    assert failed["result"] is None
    assert failed["finished_at"] >= failed["started_at"]
    error = failed["error"]
    assert error["type"] == "SimulatedFailure"
    assert error["message"] == "no such luck: €"
    assert "Traceback (most recent call last)" in error["traceback"]
    assert "narad/handlers/demo.py" in error["traceback"]


def test_the_last_failure_shows_while_the_next_attempt_is_awaited(api: TasksApi) -> None:
    task = api.create("tests.fail_later", max_attempts=2)

    waiting = api.wait_for_failure(task["id"])

    assert waiting["status"] == "PENDING"
    assert waiting["failures"] == 1
    assert waiting["error"]["type"] == "Retry"
    assert waiting["error"]["message"] == "not now"
    assert waiting["run_at"] > waiting["created_at"]
    api.cancel(task["id"])


def test_a_fatal_failure_is_not_tried_again(api: TasksApi) -> None:
    task = api.create("demo.fail", {"fatal": True}, max_attempts=5)

    failed = api.wait_for(task["id"], "FAILED")

    assert failed["attempt"] == 1
    assert failed["failures"] == 1
    assert failed["error"]["type"] == "Fatal"
    assert failed["error"]["retryable"] is False


def test_a_later_attempt_may_complete_a_task(api: TasksApi) -> None:
    task = api.create("tests.fail_first", max_attempts=2)

    done = api.wait_for(task["id"], "COMPLETED")

    assert done["attempt"] == 2
    assert done["failures"] == 1
    assert done["result"] == 2
    assert done["error"] is None


@pytest.mark.parametrize(
    ("handler", "payload"), [("demo.simulate", {"seconds": 600}), ("tests.hold_thread", {"gate": "never"})]
)
def test_a_task_that_runs_too_long_fails_with_a_timeout(
    api: TasksApi, handler: str, payload: dict[str, object]
) -> None:
    task = api.create(handler, payload, timeout_seconds=0.3, max_attempts=1)

    failed = api.wait_for(task["id"], "FAILED", seconds=5)

    assert failed["error"]["type"] == "Timeout"
    assert "0.3" in failed["error"]["message"]
    assert failed["failures"] == 1


def test_a_result_that_cannot_be_stored_fails_the_task(api: TasksApi) -> None:
    task = api.create("tests.return_nothing_storable", max_attempts=3)

    failed = api.wait_for(task["id"], "FAILED")

    assert failed["error"]["type"] == "ResultError"
    assert failed["attempt"] == 1


def test_the_dice_of_a_simulation_fall_the_same_for_a_seed(api: TasksApi) -> None:
    payload = {"seconds": 0.05, "failure_rate": 0.5}
    tasks = [api.create("demo.simulate", {**payload, "seed": 7}, max_attempts=1)["id"] for _ in range(3)]

    ended = {api.wait_for(task, "COMPLETED", "FAILED")["status"] for task in tasks}

    assert len(ended) == 1
