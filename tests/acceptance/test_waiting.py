"""Waiting for a task within a request, and the versions of tasks."""

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import httpx2
import pytest

from tests.support.servers import Rabbit, servers
from tests.support.service import Service, StartDistributed, StartEmbedded
from tests.support.tasks_api import PATH, TasksApi, wait_until

NOBODY = "0193b7c2-0000-7000-8000-000000000000"
AT_ONCE_SECONDS = 2.0
"""Far below the longest wait of these tests, and above what a busy machine needs for a request."""
BY_LOOKING_SECONDS = 8.0
"""The same where nothing tells of the change, and the store is looked at every second."""


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """For requests that wait while the test goes on."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Rabbit]:
    """A RabbitMQ that these tests may stop without disturbing others."""
    server = servers().rabbit()
    try:
        server.start()
        yield server
    finally:
        server.close()


def body(handler: str = "demo.echo", **payload: object) -> dict[str, Any]:
    return {"name": "a task", "handler": handler, "payload": payload}


def create(api: TasksApi, wanted: dict[str, Any], query: str = "", **headers: str) -> httpx2.Response:
    return api.http.post(f"{PATH}{query}", json=wanted, headers=headers)


def read(api: TasksApi, task_id: str, query: str = "", **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.http.get(f"{PATH}/{task_id}{query}", headers=named)


@pytest.mark.serial
@pytest.mark.parametrize(("query", "headers"), [("?wait=20", {}), ("", {"Prefer": "wait=20"})])
def test_a_creation_that_waits_answers_with_the_outcome(api: TasksApi, query: str, headers: dict[str, str]) -> None:
    started = time.monotonic()
    answer = create(api, body(n=1), query, **headers)

    assert answer.status_code == 201, answer.text
    assert (answer.json()["status"], answer.json()["result"]) == ("COMPLETED", {"n": 1})
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["etag"] == f'"v{answer.json()["version"]}"'
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    assert "retry-after" not in answer.headers
    assert time.monotonic() - started < AT_ONCE_SECONDS


def test_a_creation_that_waits_in_vain_answers_with_the_state_reached(api: TasksApi) -> None:
    answer = create(api, body("demo.simulate", seconds=3), "?wait=1")

    assert answer.status_code == 201
    assert answer.json()["status"] == "IN_PROGRESS"
    assert answer.headers["retry-after"] == "1"
    assert api.cancel(answer.json()["id"]).status_code == 202


def test_a_creation_can_do_without_a_body(api: TasksApi) -> None:
    answer = create(api, body(), Prefer="return=minimal")
    waited = create(api, body(), Prefer="return=minimal, wait=20")

    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert answer.headers["etag"] == '"v1"'
    assert api.http.get(answer.headers["location"]).status_code == 200
    assert (waited.status_code, waited.content) == (201, b"")
    assert waited.headers["preference-applied"] == "return=minimal, wait=20"
    assert api.http.get(waited.headers["location"]).json()["status"] == "COMPLETED"


def test_a_creation_that_may_be_repeated_waits_as_well(api: TasksApi, tag: str) -> None:
    first, again = (create(api, body(n=1), "?wait=20", **{"Idempotency-Key": tag}) for _ in range(2))

    assert (first.json()["status"], again.json()["status"]) == ("COMPLETED", "COMPLETED")
    assert first.json()["id"] == again.json()["id"]
    assert {answer.headers["preference-applied"] for answer in (first, again)} == {"wait=20"}
    assert again.headers["idempotent-replayed"] == "true"


def test_a_creation_without_preferences_does_not_wait(api: TasksApi) -> None:
    answer = create(api, body("demo.simulate", seconds=0.2))

    assert answer.json()["status"] == "NEW"
    assert answer.headers["etag"] == '"v1"'
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize("suffix", ["", "/status"])
def test_a_read_that_waits_answers_when_the_task_has_ended(
    api: TasksApi, service: Service, threads: ThreadPoolExecutor, tag: str, suffix: str
) -> None:
    task = api.create("tests.hold", {"gate": tag})
    api.wait_for(task["id"], "IN_PROGRESS")
    waiting = threads.submit(read, api, task["id"] + suffix, "?wait=20")

    assert not waiting.done()
    service.gate(tag).touch()
    answer = waiting.result()

    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    assert answer.headers["preference-applied"] == "wait=20"
    assert "retry-after" not in answer.headers


@pytest.mark.serial
def test_a_read_of_what_has_ended_does_not_wait(api: TasksApi) -> None:
    task_id = create(api, body(), "?wait=20").json()["id"]
    started = time.monotonic()

    answer = read(api, task_id, "?wait=55")

    assert answer.json()["status"] == "COMPLETED"
    assert time.monotonic() - started < AT_ONCE_SECONDS


def test_a_task_that_has_not_ended_says_when_to_ask_again(api: TasksApi) -> None:
    task_id = api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]

    answer = read(api, task_id)
    assert answer.headers["retry-after"] == "1"
    ended = api.cancel(task_id)

    assert ended.headers["etag"] == f'"v{ended.json()["version"]}"'
    assert "retry-after" not in read(api, task_id).headers


@pytest.mark.parametrize("suffix", ["", "/status"])
def test_a_version_that_the_client_has_is_not_sent_again(api: TasksApi, suffix: str) -> None:
    done = create(api, body(), "?wait=20")
    path = done.json()["id"] + suffix

    same = read(api, path, If_None_Match=done.headers["etag"])
    other = read(api, path, If_None_Match='"v1"')

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == other.headers["etag"] == done.headers["etag"]
    assert (other.status_code, other.json()["status"]) == (200, "COMPLETED")


def test_a_read_that_waits_with_a_version_answers_at_the_first_change(
    api: TasksApi, threads: ThreadPoolExecutor, service: Service, tag: str
) -> None:
    task_id = api.create("tests.hold", {"gate": tag})["id"]
    api.wait_for(task_id, "IN_PROGRESS")
    seen = read(api, task_id).headers["etag"]
    unchanged = read(api, task_id, "?wait=1", If_None_Match=seen)
    waiting = threads.submit(read, api, task_id, "?wait=20", If_None_Match=seen)

    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, seen)
    assert not waiting.done()
    service.gate(tag).touch()

    changed = waiting.result()
    assert (changed.status_code, changed.json()["status"]) == (200, "COMPLETED")
    assert changed.headers["etag"] != seen


@pytest.mark.parametrize("wait", ["56", "-1", "x", ""])
def test_a_wait_out_of_bounds_is_refused_and_creates_nothing(api: TasksApi, tag: str, wait: str) -> None:
    for answer in (
        create(api, body() | {"tags": [tag]}, f"?wait={wait}"),
        read(api, api.create("demo.echo")["id"], f"?wait={wait}"),
    ):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["parameter"] for error in answer.json()["errors"]] == ["wait"]
    assert api.list_all(tag=tag) == []


@pytest.mark.serial
def test_a_wait_for_an_unknown_task_is_not_found_at_once(api: TasksApi) -> None:
    started = time.monotonic()

    assert read(api, NOBODY, "?wait=20").status_code == 404
    assert time.monotonic() - started < AT_ONCE_SECONDS


def test_more_waits_than_allowed_are_answered_without_waiting(
    start_embedded: StartEmbedded, threads: ThreadPoolExecutor
) -> None:
    service = start_embedded(NARAD_MAX_WAITERS="1")
    held = service.api.create("tests.hold", {"gate": "open"})["id"]
    both = [threads.submit(read, service.api, held, "?wait=20") for _ in range(2)]

    (refused,), (waiting,) = wait(both, return_when=FIRST_COMPLETED, timeout=10)
    assert refused.result().json()["status"] != "COMPLETED"
    assert "preference-applied" not in refused.result().headers
    service.gate("open").touch()

    assert waiting.result().json()["status"] == "COMPLETED"
    assert waiting.result().headers["preference-applied"] == "wait=20"


@pytest.mark.serial
def test_waits_end_when_the_process_is_told_to_stop(
    start_distributed: StartDistributed, threads: ThreadPoolExecutor
) -> None:
    service = start_distributed(workers=0)
    api = service.processes[0]
    task_id = service.api.create("demo.echo")["id"]
    waiting = [threads.submit(read, service.api, task_id, "?wait=55") for _ in range(3)]
    wait_until(lambda: all(request.running() for request in waiting), "the requests are under way")
    assert read(service.api, task_id, "?wait=1").headers["preference-applied"] == "wait=1"

    stopped_at = time.monotonic()
    api.terminate()

    assert api.wait(5) == 0
    assert time.monotonic() - stopped_at < 2
    assert {request.result().json()["status"] for request in waiting} <= {"NEW", "PENDING"}


@pytest.mark.serial
def test_waits_end_though_the_broker_is_away(start_distributed: StartDistributed, own_broker: Rabbit) -> None:
    service = start_distributed(broker=own_broker, workers=1)
    wait_until(lambda: all(process.events("broker.connected") for process in service.processes), "all are connected")
    own_broker.stop()
    wait_until(lambda: all(process.events("broker.lost") for process in service.processes), "all have noticed")

    started = time.monotonic()
    answer = create(service.api, body(n=1), "?wait=20")
    took = time.monotonic() - started
    own_broker.start()

    assert answer.json()["status"] == "COMPLETED"
    assert took < BY_LOOKING_SECONDS


@pytest.mark.serial
def test_waits_end_where_processes_share_nothing_but_the_database(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1, NARAD_BROKER_URL="")
    started = time.monotonic()

    assert create(service.api, body(n=1), "?wait=20").json()["status"] == "COMPLETED"
    assert time.monotonic() - started < BY_LOOKING_SECONDS
