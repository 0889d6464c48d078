"""A service without keys: a browser on the same machine cannot be made to use it by pages of other sites."""

import pytest

from tests.support.keys_api import refused
from tests.support.tasks_api import PATH, TasksApi

BODY = {"name": "from a page", "handler": "demo.echo"}
JSON = {"Content-Type": "application/json"}


def port(api: TasksApi) -> str:
    return api.url.rpartition(":")[2]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.0.2.1", "tasks"])
def test_a_name_that_another_site_made_lead_here_is_not_answered(api: TasksApi, host: str) -> None:
    headers = {"Host": f"{host}:{port(api)}"}

    problem = refused(api.http.get(PATH, headers=headers), 421, "host_not_allowed")
    assert host in problem["detail"]
    assert "NARAD_ALLOWED_HOSTS" in problem["detail"]
    refused(api.http.post(PATH, json=BODY, headers=headers), 421, "host_not_allowed")
    refused(api.http.get("/openapi.json", headers=headers), 421, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_names_of_this_machine_are(api: TasksApi, host: str) -> None:
    assert api.http.get(PATH, headers={"Host": f"{host}:{port(api)}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost"},
    ],
    ids=str,
)
def test_a_page_of_another_site_changes_nothing(api: TasksApi, tag: str, headers: dict[str, str]) -> None:
    task = api.create("demo.echo", run_at="2999-01-01T00:00:00Z")

    refused(api.http.post(PATH, json={**BODY, "tags": [tag]}, headers=headers), 403, "origin_not_allowed")
    refused(api.http.delete(f"{PATH}/{task['id']}", headers=headers), 403, "origin_not_allowed")

    assert api.list_all(tag=tag) == []
    assert api.get(task["id"])["status"] in {"NEW", "PENDING"}
    assert api.cancel(task["id"]).json()["status"] == "CANCELLED"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}], ids=str)
def test_our_own_pages_and_programs_change_what_they_like(api: TasksApi, tag: str, headers: dict[str, str]) -> None:
    assert api.http.post(PATH, json={**BODY, "tags": [tag]}, headers=headers).status_code == 201


def test_a_page_of_this_host_does_without_the_newer_header(api: TasksApi, tag: str) -> None:
    host = f"localhost:{port(api)}"
    headers = {"Host": host, "Origin": f"http://{host}"}

    assert api.http.post(PATH, json={**BODY, "tags": [tag]}, headers=headers).status_code == 201


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_form_can_send_is_no_body(api: TasksApi, media_type: str) -> None:
    answer = api.http.post(PATH, content=b'{"name": "x"}', headers={"Content-Type": media_type})

    refused(answer, 415, "unsupported_media_type")


def test_a_key_is_not_looked_at(api: TasksApi, tag: str) -> None:
    answer = api.http.post(PATH, json={**BODY, "tags": [tag]}, headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 201
    assert answer.json()["created_by"] is None
