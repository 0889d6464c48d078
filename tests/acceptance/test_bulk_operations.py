"""Operations on many tasks over HTTP: what they would do, that they do it, and that they survive a crash."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.test_problems import NOBODY, problem
from tests.support.sse import streaming
from tests.support.tasks_api import PATH, TasksApi, wait_until

BULK = "/api/v1/bulk-operations"
LATER = "2090-01-01T00:00:00Z"


def put_off(api: TasksApi, number: int, tag: str) -> list[str]:
    items = [{"name": f"{n}", "handler": "demo.echo", "tags": [tag], "run_at": LATER} for n in range(number)]
    return [task["id"] for task in api.http.post(f"{PATH}/batch", json={"items": items}).json()["items"]]


def carry_out(api: TasksApi, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.http.post(BULK, json=body)
    assert answer.status_code == 202, answer.text
    place = answer.headers["location"]
    wait_until(lambda: api.http.get(place).json()["status"] == "COMPLETED", "the operation is carried out")
    ended: dict[str, Any] = api.http.get(place).json()
    return ended


def test_a_dry_run_counts_and_does_nothing(api: TasksApi, tag: str) -> None:
    put_off(api, 30, tag)

    answer = api.http.post(BULK, json={"action": "cancel", "filter": {"tag": [tag]}, "dry_run": True})

    assert answer.status_code == 200, answer.text
    assert answer.json()["would_change"] == {"value": 30, "relation": "eq"}
    assert sum(count["value"] for count in answer.json()["by_status"].values()) == 30
    assert {task["status"] for task in api.list_all(tag=tag)} <= {"NEW", "PENDING"}


def test_five_hundred_tasks_are_cancelled_by_filter(api: TasksApi, tag: str) -> None:
    put_off(api, 500, tag)
    other = put_off(api, 1, f"{tag}-other")[0]

    ended = carry_out(api, {"action": "cancel", "filter": {"tag": [tag]}, "reason": "wrong import"})

    assert (ended["changed"], ended["missed"]) == (500, 0)
    tasks = api.list_all(tag=tag)
    assert {(task["status"], task["cancel_reason"]) for task in tasks} == {("CANCELLED", "wrong import")}
    assert api.status(other) in {"NEW", "PENDING"}


def test_cancelled_tasks_are_retried_then_purged(api: TasksApi, tag: str) -> None:
    ids = put_off(api, 20, tag)
    carry_out(api, {"action": "cancel", "ids": ids})

    assert carry_out(api, {"action": "retry", "filter": {"tag": [tag]}})["changed"] == 20
    done = api.wait_until_done(tag)
    assert {task["status"] for task in done} == {"COMPLETED"}

    assert carry_out(api, {"action": "purge", "filter": {"tag": [tag]}})["changed"] == 20
    assert api.list_all(tag=tag) == []


def test_a_priority_is_set_for_many(api: TasksApi, tag: str) -> None:
    put_off(api, 10, tag)

    assert carry_out(api, {"action": "set_priority", "filter": {"tag": [tag]}, "priority": "HIGH"})["changed"] == 10

    assert {task["priority"] for task in api.list_all(tag=tag)} == {"HIGH"}


@pytest.mark.parametrize(
    "body",
    [
        {"action": "cancel"},
        {"action": "cancel", "filter": {}},
        {"action": "cancel", "filter": {"tag": ["x"]}, "all": True},
        {"action": "set_priority", "ids": [NOBODY]},
        {"action": "cancel", "ids": [NOBODY], "priority": "HIGH"},
        {"action": "explode", "ids": [NOBODY]},
        {"action": "cancel", "ids": []},
        {"action": "cancel", "filter": {"colour": ["red"]}},
    ],
)
def test_an_operation_that_does_not_say_what_it_means_is_refused(api: TasksApi, body: dict[str, Any]) -> None:
    problem(api.http.post(BULK, json=body), 422, "validation_error")


def test_an_operation_that_is_not_there_is_not_found(api: TasksApi) -> None:
    problem(api.http.get(f"{BULK}/{NOBODY}"), 404, "not_found")


def test_operations_are_listed(api: TasksApi) -> None:
    ended = carry_out(api, {"action": "cancel", "ids": [NOBODY]})

    assert ended in api.http.get(BULK).json()["items"]


def test_a_bulk_operation_that_is_asked_for_twice_is_one(api: TasksApi, tag: str) -> None:
    put_off(api, 3, tag)
    body = {"action": "cancel", "filter": {"tag": [tag]}}
    key = {"Idempotency-Key": tag}

    first = api.http.post(BULK, json=body, headers=key)
    again = api.http.post(BULK, json=body, headers=key)
    other = api.http.post(BULK, json=body | {"reason": "else"}, headers=key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["id"] == first.json()["id"]
    problem(other, 422, "idempotency_key_reused")


def test_streams_and_waits_hear_of_what_a_bulk_operation_does(api: TasksApi, tag: str) -> None:
    (task_id,) = put_off(api, 1, tag)
    api.wait_for(task_id, "NEW", "PENDING")
    with ThreadPoolExecutor(1) as threads, streaming(api, "/api/v1/events", params={"task_id": task_id}) as (_, frames):
        waiting = threads.submit(api.http.get, f"{PATH}/{task_id}?wait=20")

        carry_out(api, {"action": "set_priority", "filter": {"tag": [tag]}, "priority": "HIGH"})
        carry_out(api, {"action": "cancel", "filter": {"tag": [tag]}})

        told = [next(frames)]
        while told[-1].event != "task.cancelled":
            told.append(next(frames))
        assert waiting.result().json()["status"] == "CANCELLED"
    assert ("task.amended", "HIGH") in [(frame.event, frame.data["data"]["priority"]) for frame in told]
