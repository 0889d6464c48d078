"""A request sent twice: with an Idempotency-Key it is one request; with a unique_key it is one task at a time."""

import asyncio
from secrets import token_hex
from typing import Any

import httpx2
import pytest

from tests.acceptance.test_problems import problem
from tests.support.tasks_api import PATH, TasksApi

KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LATER = "2090-01-01T00:00:00Z"


def body(tag: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"name": "once", "handler": "demo.echo", "tags": [tag], **fields}


def post(api: TasksApi, path: str, sent: object, key: str) -> httpx2.Response:
    return api.http.post(path, json=sent, headers={KEY: key})


def test_fifty_identical_requests_at_once_make_one_task(api: TasksApi, tag: str) -> None:
    key = token_hex(8)

    async def send_all() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=api.url, timeout=30, trust_env=False) as http:
            sent = (http.post(PATH, json=body(tag), headers={KEY: key}) for _ in range(50))
            return await asyncio.gather(*sent)

    answers = asyncio.run(send_all())

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert sum(answer.headers.get(REPLAYED) == "true" for answer in answers) == 49
    assert len(api.list_all(tag=tag)) == 1


def test_a_repetition_is_answered_with_the_task_as_it_stands(api: TasksApi, tag: str) -> None:
    key = token_hex(8)
    first = post(api, PATH, body(tag), key).json()
    done = api.wait_for(first["id"], "COMPLETED")

    again = post(api, PATH, body(tag), key)

    assert again.status_code == 201
    assert again.headers[REPLAYED] == "true"
    assert again.json() == done


def test_the_order_of_fields_and_the_spaces_of_a_body_do_not_matter(api: TasksApi, tag: str) -> None:
    headers = {KEY: token_hex(8), "Content-Type": "application/json"}
    texts = [f'{{"name":"x","tags":["{tag}"]}}', f'{{ "tags" : ["{tag}"], "name" : "x" }}']

    first, second = (api.http.post(PATH, content=text, headers=headers) for text in texts)

    assert second.json()["id"] == first.json()["id"]


def test_a_key_may_stand_in_quotes(api: TasksApi, tag: str) -> None:
    key = token_hex(8)

    first, second = (post(api, PATH, body(tag), form) for form in (key, f'"{key}"'))

    assert second.json()["id"] == first.json()["id"]


def test_the_same_key_with_another_body_is_refused(api: TasksApi, tag: str) -> None:
    key = token_hex(8)
    assert post(api, PATH, body(tag), key).status_code == 201

    found = problem(post(api, PATH, body(tag, name="other"), key), 422, "idempotency_key_reused")

    assert found["errors"][0]["header"] == KEY
    assert len(api.list_all(tag=tag)) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ключ".encode(), '""'])
def test_a_key_of_another_form_is_refused(api: TasksApi, tag: str, key: str | bytes) -> None:
    answer = api.http.post(
        PATH, json=body(tag), headers=[(KEY.encode(), key if isinstance(key, bytes) else key.encode())]
    )

    assert problem(answer, 422, "validation_error")["errors"][0]["header"] == KEY
    assert api.list_all(tag=tag) == []


def test_a_refused_request_does_not_use_its_key_up(api: TasksApi, tag: str) -> None:
    key = token_hex(8)
    problem(post(api, PATH, body(tag, handler="no.such"), key), 422, "unknown_handler")

    assert post(api, PATH, body(tag), key).status_code == 201


def test_a_batch_sent_twice_is_one_batch(api: TasksApi, tag: str) -> None:
    key, batch = token_hex(8), {"items": [body(tag, name=f"{n}") for n in range(3)]}

    first, again = (post(api, f"{PATH}/batch", batch, key) for _ in range(2))

    assert [task["id"] for task in again.json()["items"]] == [task["id"] for task in first.json()["items"]]
    assert again.headers[REPLAYED] == "true"
    assert len(api.list_all(tag=tag)) == 3


def test_a_unique_key_is_refused_while_its_task_is_active(api: TasksApi, tag: str) -> None:
    unique_key = token_hex(8)
    first = api.create("demo.echo", unique_key=unique_key, run_at=LATER, tags=[tag])

    found = problem(api.post(body(tag, unique_key=unique_key)), 409, "duplicate_task")

    assert found["existing_task"] == first["id"]
    assert api.cancel(first["id"]).status_code == 200
    assert api.post(body(tag, unique_key=unique_key)).status_code == 201


def test_a_duplicate_may_be_answered_with_the_task_that_is_there(api: TasksApi, tag: str) -> None:
    unique_key = token_hex(8)
    first = api.create("demo.echo", unique_key=unique_key, run_at=LATER, tags=[tag])

    answer = api.post(body(tag, unique_key=unique_key, on_conflict="return_existing"))

    assert answer.status_code == 200
    assert answer.json() == api.get(first["id"])
    assert len(api.list_all(tag=tag)) == 1


def test_a_batch_with_a_duplicate_creates_nothing_and_names_it(api: TasksApi, tag: str) -> None:
    unique_key = token_hex(8)
    api.create("demo.echo", unique_key=unique_key, run_at=LATER, tags=[tag])

    answer = api.http.post(f"{PATH}/batch", json={"items": [body(tag), body(tag, unique_key=unique_key)]})

    found = problem(answer, 409, "duplicate_task")
    assert [error["pointer"] for error in found["errors"]] == ["#/items/1/unique_key"]
    assert len(api.list_all(tag=tag)) == 1
