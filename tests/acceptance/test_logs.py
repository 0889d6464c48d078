"""What handlers log, as people read it with the task."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.acceptance.test_problems import NOBODY, problem
from tests.support.keys_api import Locked
from tests.support.service import Service
from tests.support.sse import streaming
from tests.support.tasks_api import PATH, TasksApi

HANDLERS = ["tests.log", "tests.log_thread", "tests.log_process"]
MOST_LINES = 1_000


def ask(api: TasksApi, task_id: str, **query: object) -> httpx2.Response:
    return api.http.get(f"{PATH}/{task_id}/logs", params={name: str(value) for name, value in query.items()})


def page(api: TasksApi, task_id: str, **query: object) -> dict[str, Any]:
    answer = ask(api, task_id, **query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ended(api: TasksApi, handler: str, **payload: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    task = api.create(handler, payload)
    return api.wait_for(task["id"], "COMPLETED")


@pytest.mark.parametrize("handler", HANDLERS)
def test_what_a_handler_of_any_kind_logs_is_there_when_its_task_has_ended(api: TasksApi, handler: str) -> None:
    task = ended(api, handler, lines=2)

    logs = page(api, task["id"])

    assert [(line["attempt"], line["number"], line["level"], line["message"]) for line in logs["items"]] == [
        (1, 1, "INFO", "line 0 \\x00 of 2"),
        (1, 2, "DEBUG", "line 1 \\x00 of 2"),
        (1, 3, "ERROR", "awaited"),
    ]
    assert all(task["started_at"] <= line["at"] <= task["finished_at"] for line in logs["items"]), (task, logs)
    assert (logs["next_after"], logs["redacted"]) == (None, [])


@pytest.mark.parametrize("handler", HANDLERS)
def test_of_too_many_lines_the_first_are_kept_and_the_rest_is_counted(api: TasksApi, handler: str) -> None:
    task = ended(api, handler, lines=MOST_LINES + 4)

    first = page(api, task["id"], limit=MOST_LINES)
    rest = page(api, task["id"], limit=MOST_LINES, after=first["next_after"])

    assert [line["number"] for line in first["items"]] == list(range(1, MOST_LINES + 1))
    assert first["next_after"] == f"1.{MOST_LINES}"
    (last,) = rest["items"]
    assert last["message"].startswith("5 more lines were left out")
    assert (last["level"], rest["next_after"]) == ("WARNING", None)


def test_lines_of_every_attempt_are_listed_in_pages(api: TasksApi) -> None:
    task = ended(api, "tests.log_and_fail_first")

    first = page(api, task["id"], limit=1)
    second = page(api, task["id"], limit=1, after=first["next_after"])

    assert [(line["attempt"], line["message"]) for line in first["items"]] == [(1, "attempt 1")]
    assert [(line["attempt"], line["message"]) for line in second["items"]] == [(2, "attempt 2")]
    assert (first["next_after"], second["next_after"]) == ("1.1", None)


def test_a_task_that_said_nothing_has_no_lines(api: TasksApi) -> None:
    assert page(api, ended(api, "demo.echo")["id"])["items"] == []


def test_lines_of_a_running_task_are_told_of_and_read_while_it_runs(api: TasksApi, service: Service, tag: str) -> None:
    with streaming(api, "/api/v1/events", params={"types": "task.log"}) as (_, frames):
        # Not at once: a worker that nobody has listened to so far takes a moment to hear that somebody does.
        run_at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        task_id = api.create("tests.log", {"lines": 3, "gate": tag}, run_at=run_at)["id"]
        frame = next(frame for frame in frames if frame.event == "resync" or frame.task_id == task_id)
        lines = page(api, task_id)["items"]
        service.gate(tag).touch()

    assert (frame.event, frame.status) == ("task.log", "IN_PROGRESS")
    assert [line["number"] for line in lines] == [1, 2, 3, 4]


def test_there_are_no_lines_of_a_task_that_does_not_exist(api: TasksApi) -> None:
    problem(ask(api, NOBODY), 404, "not_found")


@pytest.mark.parametrize(("name", "value"), [("after", "1"), ("after", "1.-1"), ("limit", 0), ("limit", 1_001)])
def test_a_question_that_makes_no_sense_is_refused(api: TasksApi, name: str, value: object) -> None:
    task = ended(api, "demo.echo")

    found = problem(ask(api, task["id"], **{name: value}), 422, "validation_error")

    assert name in str(found["errors"])


def test_without_the_scope_of_payloads_the_messages_are_null_and_named(locked: Locked) -> None:
    task = ended(locked.service.api, "tests.log", lines=1)
    with locked.with_key(scopes=["tasks:read"]) as client:
        logs = client.get(f"{PATH}/{task['id']}/logs").json()

    assert [(line["level"], line["message"]) for line in logs["items"]] == [("INFO", None), ("ERROR", None)]
    assert logs["redacted"] == ["message"]


def test_for_a_key_with_a_list_of_handlers_there_are_no_lines_of_others(locked: Locked) -> None:
    task = ended(locked.service.api, "tests.log", lines=1)
    with locked.with_key(role="developer", handlers=["demo.echo"]) as client:
        problem(client.get(f"{PATH}/{task['id']}/logs"), 404, "not_found")
