"""Many tasks with one request: all of them or none, and each bad item is named."""

from typing import Any

import pytest

from tests.support.tasks_api import PATH, TasksApi

BATCH = f"{PATH}/batch"
MOST_ITEMS = 1_000
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
