"""The client that blocks, against the real service in both modes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event
from typing import assert_type
from uuid import uuid4

import pytest

from narad import Client
from narad.client import (
    BulkOperation,
    BulkPreview,
    Conflict,
    Json,
    NewTask,
    NotFound,
    ResultHidden,
    Task,
    TaskCancelled,
    TaskFailed,
    Unauthenticated,
    ValidationFailed,
    WaitTimeout,
)
from tests.support.handlers import hold_thread, later
from tests.support.keys_api import Locked
from tests.support.service import Service

_SECONDS = 30


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """A client of the shared service."""
    with Client(service.api.url) as client:
        yield client


def wait_until_running(task: Task[int]) -> None:
    assert any(event.status == "IN_PROGRESS" for event in task.stream()), f"{task} was never seen to run"


def test_a_task_is_created_and_its_result_waited_for(client: Client, tag: str) -> None:
    task = client.tasks.create("demo.echo", {"n": 1}, priority="HIGH", tags=[tag], description="one", max_attempts=2)

    assert_type(task, Task[Json])
    assert (task.name, task.handler, task.priority, task.tags) == ("demo.echo", "demo.echo", "HIGH", (tag,))
    assert (task.description, task.max_attempts, task.payload) == ("one", 2, {"n": 1})
    assert task.created_at.tzinfo is not None
    assert task.response.request_id
    assert task.result(timeout=_SECONDS) == {"n": 1}
    assert task.status == "COMPLETED"
    assert task.finished_at is not None
    assert client.tasks.status(task.id).status == "COMPLETED"


def test_a_handler_is_called_with_and_returns_python_values(client: Client) -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)

    task = client.tasks.create(later, {"at": at, "by": timedelta(hours=2)})

    assert_type(task, Task[datetime])
    assert task.result(timeout=_SECONDS) == at + timedelta(hours=2)
    again = client.tasks.get(task.id, handler=later)
    assert_type(again, Task[datetime])
    assert again.result() == at + timedelta(hours=2)
    assert client.tasks.get(task.id).result() == "2026-11-24T12:00:00Z"
    assert_type(client.tasks.create(hold_thread, {"gate": "none"}, delay=3_600), Task[int])


def test_a_creation_can_wait_for_the_end(client: Client) -> None:
    assert client.tasks.create("demo.echo", {"n": 2}, wait=_SECONDS).raw_result == {"n": 2}


def test_a_task_that_fails_says_why_and_can_be_tried_again(client: Client) -> None:
    task = client.tasks.create("demo.fail", {"message": "on purpose", "fatal": True})

    with pytest.raises(TaskFailed, match="on purpose") as caught:
        task.result(timeout=_SECONDS)
    assert caught.value.error is not None
    assert (caught.value.error.type, caught.value.error.retryable) == ("Fatal", False)
    assert [attempt.outcome for attempt in task.attempts()] == ["FAILED"]
    assert task.retry().status in {"PENDING", "IN_PROGRESS", "FAILED"}
    assert task.wait(timeout=_SECONDS).attempt == 2


def test_a_wait_ends_in_time_and_the_task_goes_on(client: Client, service: Service) -> None:
    gate = uuid4().hex
    task = client.tasks.create(hold_thread, {"gate": gate})

    with pytest.raises(WaitTimeout) as caught:
        task.result(timeout=0.3)
    with pytest.raises(WaitTimeout):
        task.wait(timeout=timedelta(seconds=1.2))
    service.gate(gate).touch()

    assert caught.value.task is task
    assert task.result(timeout=_SECONDS) == 1


def test_a_running_task_can_be_cancelled(client: Client) -> None:
    task = client.tasks.create(hold_thread, {"gate": uuid4().hex})
    wait_until_running(task)

    assert task.cancel("withdrawn").cancel_requested_at is not None

    with pytest.raises(TaskCancelled, match="withdrawn"):
        task.result(timeout=_SECONDS)


def test_a_stream_tells_of_a_task_from_where_it_stands_to_its_end(client: Client) -> None:
    task = client.tasks.create("demo.simulate", {"seconds": 0.4, "steps": 2})

    seen = [(event.type, event.task_id) for event in task.stream()]

    assert {task_id for _, task_id in seen} == {task.id}
    assert seen[-1][0] == "task.completed"
    assert task.status == "COMPLETED"
    assert task.raw_result == {"seconds": 0.4, "steps": 2}
    assert [event.type for event in task.stream()] == ["task.completed"]


def test_a_stream_that_reads_the_task_shows_its_progress(client: Client) -> None:
    task = client.tasks.create("demo.simulate", {"seconds": 0.8, "steps": 2})

    progress = [task.progress.value for _ in task.stream(refresh=True) if task.progress is not None]

    assert progress == sorted(progress)
    assert progress[-1] == 1


def test_events_of_all_tasks_are_followed_by_type(client: Client, tag: str) -> None:
    task = client.tasks.create("demo.echo", delay=3_600, tags=[tag])
    enough = Event()

    def go_on() -> None:
        # A stream tells only of what comes after it is open, so there is something to tell again and again.
        while not enough.is_set():
            task.clone(delay=3_600).cancel()

    with ThreadPoolExecutor() as threads:
        going_on = threads.submit(go_on)
        try:
            seen = list(islice(client.events(types=["task.cancelled"]), 3))
        finally:
            enough.set()
        going_on.result()

    assert {event.type for event in seen} == {"task.cancelled"}
    assert all(event.place for event in seen)


def test_lists_are_gone_through_page_by_page(client: Client, tag: str) -> None:
    created = [client.tasks.create("demo.echo", {"n": n}, tags=[tag], wait=_SECONDS) for n in range(5)]
    ids = [task.id for task in created][::-1]

    first = client.tasks.list(tag=tag, limit=2, include="total")
    second = first.next()

    assert second is not None
    assert [task.id for task in first.items + second.items] == ids[:4]
    assert first.total is not None
    assert first.total.value == 5
    assert first.prev() is None
    before = second.prev()
    assert before is not None
    assert [task.id for task in before.items] == ids[:2]
    listed = list(client.tasks.iter(tag=tag, status=["COMPLETED"], created_after="-1h", limit=2))
    assert [task.id for task in listed] == ids
    assert listed[0].payload is None
    assert listed[0].result() == {"n": 4}
    assert listed[1].refresh().payload == {"n": 3}
    assert [task.raw_result for task in client.tasks.iter(tag=tag, fields="result")] == [
        {"n": n} for n in (4, 3, 2, 1, 0)
    ]


def test_tasks_are_created_together(client: Client) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    tasks = client.tasks.create_many(
        [NewTask("demo.echo", {"n": 1}), NewTask(later, {"at": at, "by": timedelta(days=1)}, name="Later")]
    )

    assert [task.name for task in tasks] == ["demo.echo", "Later"]
    assert [task.result(timeout=_SECONDS) for task in tasks] == [{"n": 1}, at + timedelta(days=1)]


def test_a_task_that_waits_is_changed_cloned_and_kept_alone(client: Client, tag: str) -> None:
    task = client.tasks.create("demo.echo", {"n": 1}, delay=3_600, unique_key=tag)

    with pytest.raises(Conflict) as caught:
        client.tasks.create("demo.echo", unique_key=tag)
    same = client.tasks.create("demo.echo", unique_key=tag, on_conflict="return_existing")
    version = task.version
    task.update(priority="LOW", tags=["x"], only_version=version)
    clone = task.clone(name="Another", payload={"n": 2}, delay=3_600)

    assert caught.value.problem.more["existing_task"] == task.id == same.id
    assert (task.priority, task.tags, task.version) == ("LOW", ("x",), version + 1)
    assert (clone.name, clone.payload, clone.priority) == ("Another", {"n": 2}, "LOW")
    with pytest.raises(Conflict, match="version"):
        task.update(name="new", only_version=version)
    same.refresh()
    assert same.priority == "LOW"
    assert task.refresh().version == same.version


def test_lines_of_a_handler_are_read(client: Client) -> None:
    task = client.tasks.create("tests.log", {"lines": 3})
    task.wait(timeout=_SECONDS)

    lines = task.logs()

    assert [line.level for line in lines] == ["INFO", "DEBUG", "INFO", "ERROR"]
    assert lines[-1].message == "awaited"
    assert task.logs(after=lines[1].place) == lines[2:]


def test_errors_name_the_place_and_the_request(client: Client) -> None:
    with pytest.raises(ValidationFailed, match=r"demo\.echo.*\(request .+\)") as unknown:
        client.tasks.create("demo.ecko")
    with pytest.raises(NotFound):
        client.tasks.get(str(uuid4()))

    assert unknown.value.code == "unknown_handler"
    assert unknown.value.problem.more["nearest"] == "demo.echo"


def test_many_tasks_are_changed_at_once(client: Client, tag: str) -> None:
    tasks = [client.tasks.create("demo.echo", delay=3_600, tags=[tag]) for _ in range(3)]

    preview = client.bulk.set_priority("HIGH", filter={"tag": tag}, dry_run=True)
    raised = client.bulk.set_priority("HIGH", filter={"tag": tag}).wait(timeout=_SECONDS)
    cancelled = client.bulk.cancel(ids=[task.id for task in tasks], reason="enough").wait(timeout=_SECONDS)
    purged = client.bulk.purge(filter={"tag": tag, "status": "CANCELLED"}).wait(timeout=_SECONDS)

    assert_type(preview, BulkPreview)
    assert_type(raised, BulkOperation)
    assert preview.would_change.value == 3
    assert (raised.changed, cancelled.changed, purged.changed) == (3, 3, 3)
    assert client.bulk.get(raised.id).status == "COMPLETED"
    assert cancelled.id in {operation.id for operation in client.bulk.list()}
    assert not list(client.tasks.iter(tag=tag))


def test_the_fleet_is_read_and_held_up(client: Client) -> None:
    queue = f"q-{uuid4().hex[:8]}"
    client.tasks.create("demo.echo", queue=queue)
    worker = next(client.workers.iter(state=["online"]))

    assert client.handlers.get("demo.echo").offered
    assert {"demo.echo", "tests.later"} <= {handler.name for handler in client.handlers.list()}
    assert client.queues.pause(queue, "for a test").paused_reason == "for a test"
    assert not client.queues.resume(queue).paused
    assert queue in {one.name for one in client.queues.list()}
    assert client.workers.get(worker.id).pid == worker.pid
    assert client.workers.list(state=["online"], limit=1).items
    assert client.stats("1h").window == "1h"


def test_keys_are_made_used_rotated_and_revoked(locked: Locked) -> None:
    with Client(locked.url, locked.admin_key["key"]) as admin:
        viewer = admin.keys.create("a viewer", role="viewer", scopes=["tasks:write"], expires_in_days=1)
        with Client(locked.url, viewer.key) as client, Client(locked.url) as stranger:
            task = client.tasks.create("demo.echo", {"n": 1})
            task.wait(timeout=_SECONDS)
            with pytest.raises(ResultHidden):
                task.result()
            with pytest.raises(Unauthenticated):
                stranger.tasks.list()
        rotated = admin.keys.rotate(viewer.id, overlap_seconds=0)
        revoked = admin.keys.revoke(viewer.id)

        assert rotated.key not in {None, viewer.key}
        assert revoked.state == admin.keys.get(viewer.id).state == "revoked"
        assert viewer.id in {key.id for key in admin.keys.iter()}
        assert {entry.action for entry in admin.audit.list(target=viewer.id).items} >= {"createKey", "revokeKey"}


def test_other_options_go_over_the_same_connections(client: Client) -> None:
    patient = client.with_options(timeout=30, max_retries=0)
    patient.close()

    assert client.request("GET", "/api/v1/tasks?limit=1").json()["items"] is not None
