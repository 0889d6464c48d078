"""Many tasks with one request: all of them or none, and each bad item is named."""

from typing import Any

import httpx2
import pytest

from tests.acceptance.test_problems import problem
from tests.support.tasks_api import PATH, TasksApi

BATCH = f"{PATH}/batch"
MOST_ITEMS = 1_000
LATER = "2090-01-01T00:00:00Z"
MEBIBYTE = 1_048_576


def items(number: int, tag: str, **fields: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Items of a batch, told apart by their names."""
    return [
        {"name": f"item {n}", "handler": "demo.echo", "payload": {"n": n}, "tags": [tag], **fields}
        for n in range(number)
    ]


def test_the_tasks_of_a_batch_are_created_in_its_order_and_run(api: TasksApi, tag: str) -> None:
    answer = api.http.post(BATCH, json={"items": items(20, tag)})

    assert answer.status_code == 201, answer.text
    created = answer.json()["items"]
    assert [task["name"] for task in created] == [f"item {n}" for n in range(20)]
    assert {task["status"] for task in created} == {"NEW"}
    assert [task["result"] for task in api.wait_for_all(created)] == [{"n": n} for n in range(20)]


def test_the_answer_shows_the_tasks_as_a_read_does(api: TasksApi, tag: str) -> None:
    whole = {"description": "what it is for", "timeout_seconds": 1.5, "expires_in_seconds": 60, "max_losses": 0}
    batch = [*items(1, tag, run_at=LATER), *items(1, tag, run_at=LATER, priority="HIGH", **whole)]

    created = api.http.post(BATCH, json={"items": batch}).json()["items"]

    assert created == [api.get(task["id"]) for task in created]


def test_a_batch_may_have_a_thousand_items_and_no_more(api: TasksApi, tag: str) -> None:
    future = {"run_at": "2090-01-01T00:00:00Z"}

    assert api.http.post(BATCH, json={"items": items(MOST_ITEMS, tag, **future)}).status_code == 201
    refused = api.http.post(BATCH, json={"items": items(MOST_ITEMS + 1, tag, **future)})

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/items"]
    assert len(api.list_all(tag=tag)) == MOST_ITEMS


@pytest.mark.parametrize(
    ("bad", "pointer", "code"),
    [
        ({"priority": "URGENT"}, "#/items/2/priority", "enum"),
        ({"colour": "red"}, "#/items/2/colour", "extra_forbidden"),
        ({"handler": "demo.ecco"}, "#/items/2/handler", "unknown_handler"),
        ({"payload": {"x": "\x00"}}, "#/items/2/payload/x", "not_storable"),
        ({"handler": "demo.simulate", "payload": {"seconds": "long"}}, "#/items/2/payload/seconds", "payload"),
    ],
)
def test_one_bad_item_is_named_and_nothing_is_created(
    api: TasksApi, tag: str, bad: dict[str, Any], pointer: str, code: str
) -> None:
    batch = items(4, tag)
    batch[2] |= bad

    answer = api.http.post(BATCH, json={"items": batch})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert not api.list_all(tag=tag)


@pytest.mark.parametrize("body", [{}, {"items": []}, {"items": None}, {"items": [{}], "more": 1}, []])
def test_a_batch_of_another_form_is_refused(api: TasksApi, body: object) -> None:
    assert api.http.post(BATCH, json=body).status_code == 422


def test_a_batch_may_be_larger_than_other_bodies(api: TasksApi, tag: str) -> None:
    large = items(4, tag, payload={"text": "x" * (MEBIBYTE // 2)}, run_at="2090-01-01T00:00:00Z")

    assert api.http.post(BATCH, json={"items": large}).status_code == 201
    assert api.post(large[0] | {"description": "y" * 9_000, "payload": {"text": "x" * MEBIBYTE}}).status_code == 413


def each(api: TasksApi, batch: list[Any], **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.http.post(f"{BATCH}?atomic=false", json={"items": batch}, headers=named)


def test_items_are_created_each_for_itself_where_that_is_asked_for(api: TasksApi, tag: str) -> None:
    taken = api.create("demo.echo", unique_key=tag, run_at=LATER)
    batch: list[Any] = [
        *items(2, tag),
        {"name": "x", "priority": "URGENT"},
        {"name": "x", "handler": "demo.ecco"},
        {"name": "x", "unique_key": tag},
        {"name": "x", "unique_key": tag, "on_conflict": "return_existing"},
        {"name": "x", "handler": "demo.simulate", "payload": {"seconds": "long"}},
        "no task",
    ]

    answer = each(api, batch)

    assert answer.status_code == 200, answer.text
    found = answer.json()["items"]
    assert [item["index"] for item in found] == list(range(8))
    assert [item["status"] for item in found] == [201, 201, 422, 422, 409, 200, 422, 422]
    assert [item["task"] is None for item in found] == [item["problem"] is not None for item in found]
    assert found[5]["task"]["id"] == taken["id"]
    assert found[4]["problem"]["existing_task"] == taken["id"]
    refused = [item["problem"] for item in found if item["status"] == 422]
    assert [problem["code"] for problem in refused] == [
        "validation_error",
        "unknown_handler",
        "validation_error",
        "validation_error",
    ]
    assert [problem["errors"][0]["pointer"] for problem in refused] == [
        "#/items/2/priority",
        "#/items/3/handler",
        "#/items/6/payload/seconds",
        "#/items/7",
    ]
    assert [task["result"] for task in api.wait_for_all([item["task"] for item in found[:2]])] == [{"n": 0}, {"n": 1}]


def test_items_sent_again_are_created_only_where_they_were_refused(api: TasksApi, tag: str) -> None:
    blocker = api.create("demo.echo", unique_key=tag, run_at=LATER)
    batch = [*items(2, tag), *items(1, tag, unique_key=tag)]
    first = each(api, batch, Idempotency_Key=tag).json()["items"]
    api.cancel(blocker["id"])

    again = each(api, batch, Idempotency_Key=tag)
    other = each(api, [{**batch[0], "name": "another"}, *batch[1:]], Idempotency_Key=tag).json()["items"]

    assert [item["status"] for item in first] == [201, 201, 409]
    assert again.headers["idempotent-replayed"] == "true"
    found = again.json()["items"]
    assert [item["status"] for item in found] == [201, 201, 201]
    assert [item["task"]["id"] for item in found[:2]] == [item["task"]["id"] for item in first[:2]]
    assert len(api.list_all(tag=tag)) == 3
    assert other[0]["problem"]["code"] == "idempotency_key_reused"
    assert [item["task"]["id"] for item in other[1:]] == [item["task"]["id"] for item in found[1:]]


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("atomic=perhaps", {"items": [{"name": "x"}]}, 422, "validation_error"),
        ("atomics=false", {"items": [{"name": "x"}]}, 400, "unknown_parameter"),
        ("atomic=false", {"items": []}, 422, "validation_error"),
        ("atomic=false", {"tasks": [{"name": "x"}]}, 422, "validation_error"),
        ("atomic=false", [], 422, "validation_error"),
    ],
)
def test_a_batch_of_another_form_is_refused_whatever_the_mode(
    api: TasksApi, query: str, body: object, status: int, code: str
) -> None:
    problem(api.http.post(f"{BATCH}?{query}", json=body), status, code)
