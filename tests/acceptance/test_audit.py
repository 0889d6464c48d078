"""The audit over HTTP: who changed what, and with what outcome."""

import json
from typing import Any

import pytest

from tests.support.keys_api import PATH as KEYS
from tests.support.keys_api import Locked, refused
from tests.support.service import StartEmbedded
from tests.support.tasks_api import PATH

AUDIT = "/api/v1/audit"
NOBODY = "0193b7c2-0000-7000-8000-000000000000"
DELAYED = {"name": "a task", "handler": "demo.echo", "run_at": "2999-01-01T00:00:00Z"}


def entries(locked: Locked, **query: str) -> list[dict[str, Any]]:
    answer = locked.admin.get(AUDIT, params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_every_change_leaves_an_entry_with_who_and_what_and_how_it_ended(locked: Locked) -> None:
    key = locked.create(role="developer", owner="Ann")
    with locked.client(key["key"]) as client:
        task = client.post(PATH, json=DELAYED).json()
        client.delete(f"{PATH}/{task['id']}", headers={"X-Request-ID": "asked-by-ann"})
        client.delete(f"{PATH}/{NOBODY}")
        client.delete(f"{KEYS}/{key['id']}")

    forbidden, missing, done = entries(locked, key_id=key["id"])

    assert (done["action"], done["target"], done["outcome"]) == ("cancelTask", task["id"], "done")
    assert (missing["action"], missing["target"], missing["outcome"]) == ("cancelTask", NOBODY, "not_found")
    assert (forbidden["action"], forbidden["target"], forbidden["outcome"]) == ("revokeKey", key["id"], "forbidden")
    assert done["request_id"] == "asked-by-ann"
    for entry in (done, missing, forbidden):
        assert entry["actor"] == "Ann"
        assert entry["address"] == "127.0.0.1"
    assert entries(locked, target=task["id"]) == [done]


def test_reading_and_creating_tasks_leaves_none(locked: Locked) -> None:
    key = locked.create(role="developer")
    with locked.client(key["key"]) as client:
        task = client.post(PATH, json=DELAYED).json()
        client.post(f"{PATH}/batch", json={"items": [DELAYED]})
        client.get(f"{PATH}/{task['id']}")
        client.get(PATH)

    assert entries(locked, key_id=key["id"]) == []


def test_the_life_of_a_key_is_told(locked: Locked) -> None:
    key = locked.create(role="viewer")
    rotated = locked.admin.post(f"{KEYS}/{key['id']}/rotate", json={})
    locked.admin.delete(f"{KEYS}/{key['id']}")

    found = entries(locked, target=key["id"])

    assert [entry["action"] for entry in found] == ["revokeKey", "rotateKey", "createKey"]
    assert {entry["key_id"] for entry in found} == {locked.admin_key["id"]}
    for token in (key["key"], rotated.json()["key"]):
        assert token.split("_")[2] not in json.dumps(found)


def test_pages_go_on_where_they_ended_the_latest_first(locked: Locked) -> None:
    made = [locked.create(role="viewer")["id"] for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2, "key_id": locked.admin_key["id"]}
    while len(seen) < 5:
        page = locked.admin.get(AUDIT, params=query).json()
        seen += [entry["target"] for entry in page["items"]]
        query["cursor"] = page["next_cursor"]

    assert seen[:5] == made[::-1]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "🎉", "A" * 48])
def test_a_cursor_made_up_is_refused(locked: Locked, cursor: str) -> None:
    refused(locked.admin.get(AUDIT, params={"cursor": cursor}), 400, "invalid_cursor")


@pytest.mark.parametrize("path", ["%00", "%F0%9F%8E%89", "a%0Ab", "x" * 2_000])
def test_a_target_that_cannot_be_is_kept_as_it_can_be(locked: Locked, path: str) -> None:
    refused(locked.admin.delete(f"{KEYS}/{path}"), 404, "not_found")

    latest = entries(locked)[0]
    assert latest["outcome"] == "not_found"
    assert latest["target"].isprintable()
    assert latest["target"].isascii()


def test_in_an_open_service_the_actor_is_anonymous(start_embedded: StartEmbedded) -> None:
    service = start_embedded()
    service.api.cancel(NOBODY)

    (entry,) = service.api.http.get(AUDIT).json()["items"]

    assert (entry["actor"], entry["key_id"], entry["action"]) == ("anonymous", None, "cancelTask")
