"""A task from its creation to its result."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.support.tasks_api import PATH, TasksApi

ORDER = {"name": "Monthly report", "description": "All of it", "priority": "HIGH"}


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def test_the_body_of_the_order_runs_to_a_result(api: TasksApi) -> None:
    created = api.post(ORDER).json()

    done = api.wait_for(created["id"], "COMPLETED")

    assert {field: done[field] for field in ORDER} == ORDER
    assert done["handler"] == "demo.simulate"
    assert done["result"] is not None
    assert done["error"] is None
    assert done["progress"] == {"value": 1, "message": "done"}
    assert done["attempt"] == 1
    assert moment(done["created_at"]) <= moment(done["started_at"]) <= moment(done["finished_at"])


def test_a_new_task_is_answered_with_its_place_and_its_first_state(api: TasksApi) -> None:
    before = datetime.now(UTC)
    answer = api.post(ORDER)
    created = answer.json()

    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{created['id']}"
    assert UUID(created["id"]).version == 7
    assert created["status"] == "NEW"
    assert before <= moment(created["created_at"]) <= datetime.now(UTC)
    fields = ("started_at", "finished_at", "result", "error", "progress", "worker_id", "cancel_requested_at")
    assert [created[field] for field in fields] == [None] * len(fields)


def test_a_task_is_there_as_soon_as_its_creation_is_answered(api: TasksApi) -> None:
    for number in range(60):
        created = api.create("demo.echo", name=f"read {number}")

        assert api.get(created["id"])["name"] == f"read {number}"
        assert api.http.get(f"{PATH}/{created['id']}/status").status_code == 200


def test_the_list_shows_a_new_task_first(api: TasksApi, tag: str) -> None:
    created = [api.create("demo.echo", tags=[tag])["id"] for _ in range(3)]

    assert [item["id"] for item in api.list_all(tag=tag)] == created[::-1]


def test_the_status_endpoint_shows_what_a_poll_needs(api: TasksApi) -> None:
    task = api.create("demo.echo")
    whole = api.wait_for(task["id"], "COMPLETED")

    status = api.http.get(f"{PATH}/{task['id']}/status").json()

    assert status == {field: whole[field] for field in ("id", "status", "progress", "version", "finished_at")}


def test_only_a_name_is_required(api: TasksApi) -> None:
    created = api.post({"name": "x"}).json()

    assert created["priority"] == "MEDIUM"
    assert created["description"] is None
    assert created["queue"] == "default"
    assert created["payload"] == {}
    assert created["tags"] == []


def test_a_payload_reaches_the_handler_and_comes_back_unchanged(api: TasksApi) -> None:
    payload = {
        "text": 'Ünïcödé 中文 🎉 "quoted" \\ \n\t\u2028',
        "numbers": [0, -1, 1.5, 1e-9, 2**53, -(2**63), 2**70, True, False, None],
        "nested": {"": [], "a/b~c": [{"deep": {"er": [[[]]]}}]},
    }
    created = api.create("demo.echo", payload)

    done = api.wait_for(created["id"], "COMPLETED")

    assert done["payload"] == payload
    assert done["result"] == payload


@pytest.mark.parametrize("number", [1.0, -0.1, 5e-324, 2.395015144225591e16, 1e22, 1e300])
def test_a_float_stays_the_float_it_was(api: TasksApi, number: float) -> None:
    done = api.wait_for(api.create("demo.echo", {"number": number})["id"], "COMPLETED")

    assert done["payload"] == done["result"] == {"number": number}


def test_a_running_task_shows_its_worker_and_its_progress(api: TasksApi) -> None:
    created = api.create("demo.simulate", {"seconds": 1, "steps": 2})

    running = api.wait_for(created["id"], "IN_PROGRESS")
    done = api.wait_for(created["id"], "COMPLETED")

    assert running["worker_id"] == done["worker_id"] != None  # noqa: E711 - a chain reads best here
    assert running["finished_at"] is None
    assert done["version"] > running["version"] > created["version"]


@pytest.mark.serial
def test_a_task_does_not_start_before_its_time(api: TasksApi) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=1.2)
    created = api.create("demo.echo", run_at=run_at.isoformat())
    at_once = api.create("demo.echo")

    api.wait_for(at_once["id"], "COMPLETED")
    assert api.status(created["id"]) in {"NEW", "PENDING"}
    done = api.wait_for(created["id"], "COMPLETED")

    assert moment(done["run_at"]) == run_at
    assert run_at <= moment(done["started_at"]) < run_at + timedelta(seconds=2)


def test_a_time_in_the_past_means_at_once(api: TasksApi) -> None:
    created = api.create("demo.echo", run_at="2001-01-01T00:00:00+05:30")

    done = api.wait_for(created["id"], "COMPLETED")

    assert done["run_at"] == done["created_at"]


def test_many_tasks_run_at_the_same_time(api: TasksApi, tag: str) -> None:
    for _ in range(5):
        api.create("demo.simulate", {"seconds": 1}, tags=[tag])

    done = api.wait_until_done(tag)

    assert max(moment(task["started_at"]) for task in done) < min(moment(task["finished_at"]) for task in done)
