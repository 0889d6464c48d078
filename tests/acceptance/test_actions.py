"""What people do with a task that exists: amend, run again, clone, cancel with a reason; and what they read of it."""

from typing import Any

import httpx2
import pytest

from tests.acceptance.test_problems import NOBODY, problem
from tests.support.tasks_api import PATH, TasksApi

LATER = "2090-01-01T00:00:00.000000Z"
STILL_LATER = "2091-01-01T00:00:00.000000Z"


def amend(api: TasksApi, task_id: str, change: object, **headers: str) -> httpx2.Response:
    return api.http.patch(f"{PATH}/{task_id}", json=change, headers=headers)


def act(api: TasksApi, task_id: str, action: str, body: object = None) -> httpx2.Response:
    return (
        api.http.post(f"{PATH}/{task_id}/{action}", json=body)
        if body is not None
        else api.http.post(f"{PATH}/{task_id}/{action}")
    )


def waiting(api: TasksApi, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return api.create("demo.echo", {"n": 1}, run_at=LATER, **fields)


def failed(api: TasksApi) -> dict[str, Any]:
    task = api.create("demo.fail", {"message": "no"}, max_attempts=1)
    return api.wait_for(task["id"], "FAILED")


def test_a_waiting_task_is_changed_where_it_is_told_and_nowhere_else(api: TasksApi) -> None:
    task = waiting(api, description="text", tags=["a"])

    changed = amend(api, task["id"], {"name": "new", "priority": "HIGH", "description": None, "run_at": STILL_LATER})

    assert changed.status_code == 200, changed.text
    expected = {"name": "new", "priority": "HIGH", "description": None, "run_at": STILL_LATER}
    now = api.get(task["id"])
    assert changed.json() == now
    assert now["version"] > task["version"]
    assert {k: v for k, v in now.items() if k not in {*expected, "version", "status"}} == {
        k: v for k, v in task.items() if k not in {*expected, "version", "status"}
    }
    assert {k: now[k] for k in expected} == expected


def test_a_task_put_forward_runs(api: TasksApi) -> None:
    task = waiting(api)

    assert amend(api, task["id"], {"run_at": "2020-01-01T00:00:00Z", "priority": "HIGH"}).status_code == 200

    assert api.wait_for(task["id"], "COMPLETED")["priority"] == "HIGH"


def test_a_change_of_another_version_is_refused(api: TasksApi) -> None:
    task = waiting(api)
    version = amend(api, task["id"], {"name": "first"}).json()["version"]

    stale = amend(api, task["id"], {"name": "second"}, **{"If-Match": f'"v{version - 1}"'})
    fresh = amend(api, task["id"], {"name": "third"}, **{"If-Match": f'"v{version}"'})

    assert problem(stale, 412, "precondition_failed")["current_version"] == version
    assert fresh.status_code == 200
    assert api.get(task["id"])["name"] == "third"


def test_a_precondition_that_names_no_version_allows_none(api: TasksApi) -> None:
    answer = amend(api, waiting(api)["id"], {"name": "other"}, **{"If-Match": ""})

    assert problem(answer, 412, "precondition_failed")["current_version"] >= 1


def test_a_precondition_of_another_form_is_refused(api: TasksApi) -> None:
    found = problem(amend(api, waiting(api)["id"], {}, **{"If-Match": "7"}), 422, "validation_error")

    assert found["errors"][0]["header"] == "If-Match"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": None}, "#/name"),
        ({"priority": None}, "#/priority"),
        ({"colour": "red"}, "#/colour"),
        ({"handler": "demo.echo"}, "#/handler"),
        ({"tags": ["\x00"]}, "#/tags/0"),
    ],
)
def test_a_bad_change_names_its_field_and_changes_nothing(api: TasksApi, change: object, pointer: str) -> None:
    task = waiting(api)

    found = problem(amend(api, task["id"], change), 422, "validation_error")

    assert [error["pointer"] for error in found["errors"]] == [pointer]
    assert api.get(task["id"])["name"] == task["name"]


def test_what_ended_is_not_changed(api: TasksApi) -> None:
    task = api.wait_for(api.create("demo.echo")["id"], "COMPLETED")

    found = problem(amend(api, task["id"], {"name": "late"}), 409, "invalid_state")

    assert (found["current_status"], found["allowed_actions"]) == ("COMPLETED", ["clone"])


def test_a_failed_task_is_run_again_and_its_attempts_are_known(api: TasksApi) -> None:
    task = failed(api)

    again = act(api, task["id"], "retry")

    assert again.status_code == 200, again.text
    assert (again.json()["status"], again.json()["failures"], again.json()["error"]) == ("PENDING", 0, None)
    ended = api.wait_for(task["id"], "FAILED")
    assert (ended["attempt"], ended["failures"]) == (2, 1)
    attempts = api.http.get(f"{PATH}/{task['id']}/attempts").json()["items"]
    assert [(one["attempt"], one["outcome"]) for one in attempts] == [(1, "FAILED"), (2, "FAILED")]
    assert all(one["error"]["message"] == "no" and one["started_at"] <= one["finished_at"] for one in attempts)


def test_a_completed_task_is_not_run_again_but_cloned(api: TasksApi) -> None:
    task = api.wait_for(api.create("demo.echo", {"n": 1}, priority="HIGH", tags=["x"])["id"], "COMPLETED")

    refused = problem(act(api, task["id"], "retry"), 409, "invalid_state")
    clone = act(api, task["id"], "clone", {"payload": {"n": 2}})

    assert "Clone it" in refused["detail"]
    assert clone.status_code == 201, clone.text
    assert clone.headers["location"].endswith(clone.json()["id"])
    assert clone.json()["id"] != task["id"]
    ended = api.wait_for(clone.json()["id"], "COMPLETED")
    assert (ended["result"], ended["priority"], ended["tags"], ended["name"]) == ({"n": 2}, "HIGH", ["x"], task["name"])


def test_a_clone_needs_no_body(api: TasksApi) -> None:
    task = waiting(api, unique_key="of the first alone")

    clone = act(api, task["id"], "clone")

    assert clone.status_code == 201
    assert (clone.json()["payload"], clone.json()["unique_key"]) == (task["payload"], None)
    assert api.wait_for(clone.json()["id"], "COMPLETED")


def test_a_cancel_may_say_why(api: TasksApi) -> None:
    task = waiting(api)

    answer = act(api, task["id"], "cancel", {"reason": "Ordered twice."})

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["cancel_reason"]) == ("CANCELLED", "Ordered twice.")
    assert act(api, task["id"], "cancel").status_code == 200
    assert act(api, task["id"], "retry").json()["cancel_reason"] is None


def test_a_result_is_read_alone(api: TasksApi) -> None:
    task = api.wait_for(api.create("demo.echo", {"n": [1, None]})["id"], "COMPLETED")

    answer = api.http.get(f"{PATH}/{task['id']}/result")

    assert (answer.status_code, answer.json()) == (200, {"n": [1, None]})


def test_there_is_no_result_before_the_end_nor_after_a_failure(api: TasksApi) -> None:
    problem(api.http.get(f"{PATH}/{waiting(api)['id']}/result"), 409, "invalid_state")

    found = problem(api.http.get(f"{PATH}/{failed(api)['id']}/result"), 404, "no_result")

    assert found["current_status"] == "FAILED"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", ""),
        ("POST", "/retry"),
        ("POST", "/clone"),
        ("POST", "/cancel"),
        ("GET", "/result"),
        ("GET", "/attempts"),
    ],
)
def test_what_is_not_there_is_not_found(api: TasksApi, method: str, path: str) -> None:
    body: dict[str, str] | None = {} if method == "PATCH" else None

    problem(api.http.request(method, f"{PATH}/{NOBODY}{path}", json=body), 404, "not_found")
