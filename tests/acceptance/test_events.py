"""Streams of events, as clients see them."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.support.service import Service, StartDistributed, StartEmbedded
from tests.support.sse import Frame, streaming
from tests.support.tasks_api import PATH, TasksApi, wait_until

EVENTS = "/api/v1/events"
NOBODY = "0193b7c2-0000-7000-8000-000000000000"


def of(task_id: str) -> str:
    return f"{PATH}/{task_id}/events"


def problem(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    return body


def test_a_stream_of_one_task_begins_with_where_it_stands_and_ends_after_its_end(
    api: TasksApi, service: Service, tag: str
) -> None:
    task_id = api.create("tests.hold", {"gate": tag})["id"]
    api.wait_for(task_id, "IN_PROGRESS")

    with streaming(api, of(task_id)) as (answer, frames):
        first = next(frames)
        service.gate(tag).touch()
        rest = list(frames)

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert (first.event, first.id, first.status) == ("task.started", None, "IN_PROGRESS")
    assert first.data["data"]["version"] >= 2
    assert [frame.event for frame in rest] == ["task.completed", "end"]
    assert rest[0].data["type"] == "task.completed"
    assert rest[0].task_id == task_id
    assert rest[0].data["timestamp"].endswith("Z")


def test_a_stream_of_a_task_that_has_ended_says_so_and_ends(api: TasksApi) -> None:
    task = api.create("demo.fail", max_attempts=1)
    api.wait_for(task["id"], "FAILED")

    with streaming(api, of(task["id"])) as (_, frames):
        assert [frame.event for frame in frames] == ["task.failed", "end"]


def test_a_stream_of_all_tasks_shows_the_life_of_each(api: TasksApi) -> None:
    with streaming(api, EVENTS, params={"types": "task.*"}) as (_, frames):
        # Not at once: a worker that nobody has listened to so far takes a moment to hear that somebody does.
        run_at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        task_id = api.create("demo.simulate", {"seconds": 0.6, "steps": 2}, priority="HIGH", run_at=run_at)["id"]
        seen: list[Frame] = []
        while "task.completed" not in {frame.event for frame in seen}:
            seen += [frame for frame in [next(frames)] if frame.event == "resync" or frame.task_id == task_id]

    life = [frame.event for frame in seen if frame.event not in {"task.pending", "task.progress"}]
    assert life == ["task.created", "task.started", "task.completed"]
    assert "task.progress" in {frame.event for frame in seen}
    assert seen[0].data["data"] == {
        "id": task_id,
        "status": "NEW",
        "priority": "HIGH",
        "handler": "demo.simulate",
        "queue": "default",
        "attempt": 0,
        "version": 1,
    }


def test_a_stream_shows_what_its_filters_let_through(api: TasksApi) -> None:
    first, second = (api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"] for _ in range(2))
    wanted = {"task_id": [first, second], "types": "task.cancelled,task.failed", "status": "CANCELLED"}

    with streaming(api, EVENTS, params=wanted) as (_, frames):
        other = api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]
        for task_id in (other, second, first):
            assert api.cancel(task_id).status_code == 200
        found = [next(frames), next(frames)]

    assert [(frame.event, frame.task_id) for frame in found] == [("task.cancelled", second), ("task.cancelled", first)]


def test_a_cancel_that_was_asked_for_is_an_event(api: TasksApi) -> None:
    task_id = api.create("tests.hold", {"gate": "never"})["id"]
    api.wait_for(task_id, "IN_PROGRESS")

    with streaming(api, of(task_id)) as (_, frames):
        assert next(frames).event == "task.started"
        assert api.cancel(task_id).status_code == 202
        events = [frame.event for frame in frames if frame.event != "task.progress"]

    assert events == ["task.cancel_requested", "task.cancelled", "end"]


def test_a_task_that_is_run_again_is_an_event(api: TasksApi) -> None:
    task_id = api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]
    assert api.cancel(task_id).status_code == 200

    with streaming(api, EVENTS, params={"task_id": task_id, "types": "task.retried"}) as (_, frames):
        retried = api.http.post(f"{PATH}/{task_id}/retry")
        assert retried.status_code == 200, retried.text
        assert next(frames).event == "task.retried"
    assert retried.headers["etag"] == f'"v{retried.json()["version"]}"'


@pytest.mark.parametrize("by_header", [True, False])
def test_a_client_that_comes_back_gets_what_it_missed(api: TasksApi, by_header: bool) -> None:  # noqa: FBT001
    ids = [api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"] for _ in range(3)]
    with streaming(api, EVENTS, params={"task_id": ids}) as (_, frames):
        api.cancel(ids[0])
        last = next(frame for frame in frames if frame.event == "task.cancelled")
    assert last.id is not None
    api.cancel(ids[1])

    params: dict[str, Any] = {"task_id": ids} | ({} if by_header else {"last_event_id": last.id})
    headers = {"Last_Event_ID": last.id} if by_header else {}
    with streaming(api, EVENTS, params=params, **headers) as (_, frames):
        api.cancel(ids[2])
        found = [next(frames), next(frames)]

    assert [(frame.event, frame.task_id) for frame in found] == [
        ("task.cancelled", ids[1]),
        ("task.cancelled", ids[2]),
    ]


def test_a_client_that_was_away_for_too_long_is_told_to_read_again(api: TasksApi) -> None:
    with streaming(api, EVENTS, Last_Event_ID="0123456789ab-5") as (_, frames):
        resync = next(frames)
        task_id = api.create("demo.echo")["id"]
        after = next(frame for frame in frames if frame.event == "resync" or frame.task_id == task_id)

    assert (resync.event, resync.data) == ("resync", {})
    assert after.event == "task.created"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (of(NOBODY), 404, "not_found"),
        (of("nonsense"), 422, "validation_error"),
        (f"{of(NOBODY)}?types=task.*", 400, "unknown_parameter"),
        (f"{EVENTS}?type=task.failed", 400, "unknown_parameter"),
        (f"{EVENTS}?types=task.lost", 422, "validation_error"),
        (f"{EVENTS}?status=DONE", 422, "validation_error"),
        (f"{EVENTS}?task_id=x", 422, "validation_error"),
    ],
)
def test_a_stream_that_cannot_be_is_refused_with_a_problem(api: TasksApi, path: str, status: int, code: str) -> None:
    answer = api.http.get(path)

    assert answer.status_code == status, answer.text
    assert problem(answer)["code"] == code


def test_more_streams_than_allowed_are_refused_until_one_has_gone(start_embedded: StartEmbedded) -> None:
    api = start_embedded(NARAD_MAX_STREAMS="1").api

    def opens() -> bool:
        with streaming(api, EVENTS) as (answer, _):
            return answer.status_code == 200

    with streaming(api, EVENTS):
        refused = api.http.get(EVENTS)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert problem(refused)["code"] == "temporary_reduced_capacity"
    wait_until(opens, "the place of the stream that was closed is free")


def test_a_stream_ends_after_its_time_with_a_hint_when_to_come_back(start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_STREAM_SECONDS="0.5")

    with streaming(service.api, EVENTS) as (_, frames):
        (last,) = frames

    assert 2_000 <= int(last.fields["retry"]) < 5_000


@pytest.mark.serial
def test_open_streams_do_not_hold_up_the_end_of_the_process(start_embedded: StartEmbedded) -> None:
    service = start_embedded()
    held = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z")["id"]
    with streaming(service.api, EVENTS) as (_, all_frames), streaming(service.api, of(held)) as (_, frames):
        assert next(frames).event is not None
        stopped_at = time.monotonic()
        service.processes[0].terminate()
        last, of_all = list(frames)[-1], list(all_frames)[-1]

    assert service.processes[0].wait(5) == 0
    assert time.monotonic() - stopped_at < 2
    assert "retry" in last.fields
    assert "retry" in of_all.fields


def test_a_stream_of_one_task_is_fed_where_processes_share_nothing_but_the_database(
    start_distributed: StartDistributed,
) -> None:
    service = start_distributed(workers=1, NARAD_BROKER_URL="")
    task_id = service.api.create("tests.hold", {"gate": "open"})["id"]
    service.api.wait_for(task_id, "IN_PROGRESS")

    with streaming(service.api, of(task_id)) as (_, frames):
        assert next(frames).event == "task.started"
        service.gate("open").touch()

        assert [frame.event for frame in frames] == ["task.completed", "end"]


def test_the_document_describes_streams_in_the_words_of_its_version(api: TasksApi) -> None:
    document = api.http.get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    for path in ("/api/v1/events", "/api/v1/tasks/{task_id}/events"):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
        assert content["schema"] == content["x-itemSchema"]
        assert "itemSchema" not in content
        assert content["x-itemSchema"]["properties"]["data"]["contentSchema"] == {
            "$ref": "#/components/schemas/EventView"
        }
    assert {"EventView", "EventData", "EventType"} <= document["components"]["schemas"].keys()
    created = document["paths"]["/api/v1/tasks"]["post"]
    assert {"wait", "Prefer"} <= {parameter["name"] for parameter in created["parameters"]}
    assert {"ETag", "Location"} <= created["responses"]["201"]["headers"].keys()
    assert "304" in document["paths"]["/api/v1/tasks/{task_id}"]["get"]["responses"]
