"""A service with keys: who may do what, and what a key costs its holder when it ends."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from narad.domain.scopes import BUNDLES, Role, Scope
from tests.support.keys_api import PATH as KEYS
from tests.support.keys_api import Json, Locked, refused
from tests.support.tasks_api import PATH, wait_until

NOBODY = "0193b7c2-0000-7000-8000-000000000000"
BODY = {"name": "a task", "handler": "demo.echo", "payload": {"word": "hush"}}


@pytest.fixture
def stranger(locked: Locked) -> Iterator[httpx2.Client]:
    with locked.client() as client:
        yield client


def operations(locked: Locked) -> Iterator[tuple[str, str, str]]:
    """Method, path and scope of every operation that demands one, as the document says."""
    document = locked.admin.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "x-required-scope" in operation:
                yield method.upper(), path, operation["x-required-scope"]


def ask(client: httpx2.Client, method: str, path: str) -> httpx2.Response:
    """The head of an answer; some have no end. What the path names does not exist, and there is no body."""
    for parameter in ("{task_id}", "{key_id}", "{worker_id}", "{operation_id}"):
        path = path.replace(parameter, NOBODY)
    path = path.replace("{name}", "no-such-name")
    with client.stream(method, path) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            answer.read()
        return answer


@pytest.mark.parametrize("path", [PATH, f"{PATH}/{NOBODY}", KEYS, "/api/v1/audit", "/api/v1/no-such-thing", "/api/"])
def test_without_a_key_nothing_is_told_not_even_what_there_is(stranger: httpx2.Client, path: str) -> None:
    answer = stranger.get(path)

    problem = refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "narad keys create" in problem["detail"]


def test_without_a_key_nothing_is_created_or_cancelled(locked: Locked, stranger: httpx2.Client) -> None:
    task = locked.admin.post(PATH, json={**BODY, "run_at": "2999-01-01T00:00:00Z"}).json()

    refused(stranger.post(PATH, json=BODY), 401, "unauthenticated")
    refused(stranger.post(f"{PATH}/batch", json={"items": [BODY]}), 401, "unauthenticated")
    refused(stranger.delete(f"{PATH}/{task['id']}"), 401, "unauthenticated")

    assert locked.admin.get(f"{PATH}/{task['id']}").json()["cancel_requested_at"] is None
    assert locked.admin.delete(f"{PATH}/{task['id']}").json()["status"] == "CANCELLED"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_need_no_key(stranger: httpx2.Client, path: str) -> None:
    assert stranger.get(path, headers={"Host": "10.0.0.7:8000"}).status_code == 200


@pytest.mark.parametrize(
    "value",
    ["Bearer nonsense", "Bearer", f"bearer nrd_aaaaaaaa_{'b' * 32}_cccccc", "Bearer \xff", "Bearer a b"],
)
def test_what_is_no_key_is_told_so(locked: Locked, value: str) -> None:
    with locked.client() as client:
        answer = client.get(PATH, headers={b"Authorization": value.encode("latin-1")})

    refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("value", ["Basic YTpi", "nrd_aaaaaaaa", ""])
def test_another_way_of_authenticating_is_none(locked: Locked, value: str) -> None:
    with locked.client() as client:
        refused(client.get(PATH, headers={"Authorization": value}), 401, "unauthenticated")


def test_every_operation_is_refused_without_its_scope_and_allowed_with_it_alone(locked: Locked) -> None:
    wanted = sorted({scope for _, _, scope in operations(locked)})
    assert {"tasks:read", "tasks:write", "tasks:cancel", "keys:manage", "audit:read"} <= set(wanted)

    for scope in wanted:
        others = [other for other in Scope if other not in {scope, Scope.ADMIN}]
        with locked.with_key(scopes=others) as without, locked.with_key(scopes=[scope]) as only:
            for method, path, needed in operations(locked):
                if needed == scope:
                    problem = refused(ask(without, method, path), 403, "forbidden")
                    assert problem["required_scope"] == scope
                    assert scope in problem["detail"]
                    assert ask(only, method, path).status_code not in {401, 403}, (method, path)
                else:
                    assert ask(without, method, path).status_code not in {401, 403}, (method, path)


@pytest.mark.parametrize("role", Role)
def test_a_role_allows_what_is_in_its_bundle(locked: Locked, role: Role) -> None:
    with locked.with_key(role=role) as client:
        for method, path, scope in operations(locked):
            status = ask(client, method, path).status_code
            assert (status == 403) == (Scope(scope) not in BUNDLES[role]), (method, path)


def test_a_task_names_the_key_that_created_it(locked: Locked) -> None:
    key = locked.create(role="developer")
    with locked.client(key["key"]) as client:
        one = client.post(PATH, json=BODY).json()
        (other,) = client.post(f"{PATH}/batch", json={"items": [BODY]}).json()["items"]
        assert one["created_by"] == other["created_by"] == key["id"]
        assert {client.get(f"{PATH}/{task['id']}").json()["created_by"] for task in (one, other)} == {key["id"]}


def test_without_the_scope_payload_and_result_are_null_and_named(locked: Locked) -> None:
    with locked.with_key(scopes=["tasks:write", "tasks:read", "tasks:cancel"]) as client:
        created = client.post(PATH, json=BODY).json()
        locked.service.api.wait_for(created["id"], "COMPLETED")
        read = client.get(f"{PATH}/{created['id']}").json()
        batch = client.post(f"{PATH}/batch", json={"items": [{**BODY, "run_at": "2999-01-01T00:00:00Z"}]}).json()
        (listed,) = client.get(PATH, params={"id": created["id"], "fields": "payload,result"}).json()["items"]
        (plain,) = client.get(PATH, params={"id": created["id"]}).json()["items"]
        cancelled = client.delete(f"{PATH}/{batch['items'][0]['id']}").json()

    assert not {"payload", "result", "redacted"} & set(plain)
    for shown in (created, read, listed, *batch["items"], cancelled):
        assert shown["payload"] is None
        assert shown["result"] is None
        assert shown["redacted"] == ["payload", "result"]
    whole = locked.admin.get(f"{PATH}/{created['id']}").json()
    assert whole["payload"] == BODY["payload"]
    assert whole["result"] is not None
    assert whole["redacted"] == []


def test_for_a_key_with_a_list_of_handlers_there_are_no_other_tasks(locked: Locked) -> None:
    delayed = {"run_at": "2999-01-01T00:00:00Z", "tags": ["listed"]}
    foreign = locked.admin.post(PATH, json={**BODY, "handler": "demo.simulate", "payload": {}, **delayed}).json()
    with locked.with_key(role="developer", handlers=["demo.echo"]) as client:
        own = client.post(PATH, json={**BODY, **delayed}).json()

        problem = refused(client.post(PATH, json={"name": "x", "handler": "demo.simulate"}), 403, "forbidden")
        assert "demo.simulate" in problem["detail"]
        refused(client.post(PATH, json={"name": "the default handler"}), 403, "forbidden")
        refused(
            client.post(f"{PATH}/batch", json={"items": [BODY, {"name": "x", "handler": "demo.fail"}]}),
            403,
            "forbidden",
        )
        for path in (f"{PATH}/{foreign['id']}", f"{PATH}/{foreign['id']}/status"):
            refused(client.get(path), 404, "not_found")
        for method, action in (
            ("DELETE", ""),
            ("POST", "/cancel"),
            ("PATCH", ""),
            ("POST", "/retry"),
            ("POST", "/clone"),
            ("GET", "/result"),
            ("GET", "/attempts"),
        ):
            answer = client.request(method, f"{PATH}/{foreign['id']}{action}", json={} if method == "PATCH" else None)
            refused(answer, 404, "not_found")
        problem = refused(client.post(f"{PATH}/{own['id']}/clone", json={"handler": "demo.fail"}), 403, "forbidden")
        assert "demo.fail" in problem["detail"]
        listed = client.get(PATH, params={"tag": "listed"}).json()["items"]
        assert [task["id"] for task in listed] == [own["id"]]
        assert client.get(PATH, params={"handler": "demo.simulate"}).json()["items"] == []
        assert client.delete(f"{PATH}/{own['id']}").json()["status"] == "CANCELLED"
    assert locked.admin.delete(f"{PATH}/{foreign['id']}").json()["status"] == "CANCELLED"


def test_a_unique_key_does_not_show_a_task_of_another_handler(locked: Locked) -> None:
    unique = {"unique_key": "of two handlers", "run_at": "2999-01-01T00:00:00Z"}
    foreign = locked.admin.post(PATH, json={**BODY, "handler": "demo.simulate", "payload": {}, **unique}).json()
    with locked.with_key(role="developer", handlers=["demo.echo"]) as client:
        answer = client.post(PATH, json={**BODY, **unique, "on_conflict": "return_existing"})

    refused(answer, 404, "not_found")
    locked.admin.delete(f"{PATH}/{foreign['id']}")


def test_an_idempotency_key_is_that_of_its_caller(locked: Locked) -> None:
    headers = {"Idempotency-Key": "the-same-of-two-callers"}
    with locked.with_key(role="developer") as one, locked.with_key(role="viewer", scopes=["tasks:write"]) as other:
        first = one.post(PATH, json=BODY, headers=headers)
        again = one.post(PATH, json=BODY, headers=headers)
        foreign = other.post(PATH, json=BODY, headers=headers)
        repeated = other.post(PATH, json=BODY, headers=headers)

    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert foreign.status_code == 201
    assert foreign.json()["id"] != first.json()["id"]
    assert repeated.headers["idempotent-replayed"] == "true"
    assert repeated.json()["redacted"] == ["payload", "result"]


def test_a_key_is_good_from_its_networks_only(locked: Locked) -> None:
    with locked.with_key(role="viewer", networks=["127.0.0.0/8", "::1"]) as client:
        assert client.get(PATH).status_code == 200
    with locked.with_key(role="viewer", networks=["192.0.2.0/24"]) as client:
        problem = refused(client.get(PATH, headers={"X-Forwarded-For": "192.0.2.1"}), 403, "forbidden")
        assert "127.0.0.1" in problem["detail"]


def test_a_revoked_key_opens_nothing_at_once_where_it_was_revoked(locked: Locked) -> None:
    key = locked.create(role="admin")
    with locked.client(key["key"]) as client:
        assert client.get(PATH).status_code == 200

        revoked = client.delete(f"{KEYS}/{key['id']}")

        assert revoked.json()["state"] == "revoked"
        assert "revoked" in refused(client.get(PATH), 401, "unauthenticated")["detail"]
    again = locked.admin.delete(f"{KEYS}/{key['id']}")
    assert again.json()["revoked_at"] == revoked.json()["revoked_at"]
    refused(locked.admin.post(f"{KEYS}/{key['id']}/rotate", json={}), 409, "invalid_state")


def test_a_rotated_key_has_two_secrets_for_a_while(locked: Locked) -> None:
    old = locked.create(role="viewer")
    new = locked.admin.post(f"{KEYS}/{old['id']}/rotate").json()
    assert new["id"] == old["id"]
    assert new["key"] != old["key"]
    assert new["previous_until"] is not None

    for token in (old["key"], new["key"]):
        with locked.client(token) as client:
            assert client.get(PATH).status_code == 200

    newest = locked.admin.post(f"{KEYS}/{old['id']}/rotate", json={"overlap_seconds": 0}).json()
    for token, status in ((old["key"], 401), (new["key"], 401), (newest["key"], 200)):
        with locked.client(token) as client:
            assert client.get(PATH).status_code == status


def test_an_expired_key_says_when(locked: Locked) -> None:
    key = locked.create(role="viewer", expires_in_days=1e-9)

    with locked.client(key["key"]) as client:
        assert "expired" in refused(client.get(PATH), 401, "unauthenticated")["detail"]
    assert locked.admin.get(f"{KEYS}/{key['id']}").json()["state"] == "expired"


def test_nobody_makes_a_key_that_may_do_more_than_their_own(locked: Locked) -> None:
    admin_key = locked.admin_key
    with locked.with_key(scopes=["keys:manage", "tasks:read"], handlers=["demo.echo"]) as client:
        for fields, words in (
            ({"role": "admin"}, "scope"),
            ({"scopes": ["tasks:write"]}, "tasks:write"),
            ({"scopes": ["tasks:read"]}, "handlers"),
            ({"scopes": ["tasks:read"], "handlers": ["demo.fail"]}, "handlers"),
        ):
            problem = refused(client.post(KEYS, json={"name": "more", **fields}), 403, "forbidden")
            assert words in problem["detail"]
        refused(client.post(f"{KEYS}/{admin_key['id']}/rotate", json={}), 403, "forbidden")
        less = client.post(KEYS, json={"name": "less", "scopes": ["tasks:read"], "handlers": ["demo.echo"]})
        assert less.status_code == 201


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": " "}, "#/name"),
        ({"role": "king"}, "#/role"),
        ({"role": None}, "#"),
        ({"scopes": ["tasks:eat"]}, "#/scopes/0"),
        ({"networks": ["here"]}, "#/networks/0"),
        ({"handlers": ["no good name"]}, "#/handlers/0"),
        ({"rate_limit": "often"}, "#/rate_limit"),
        ({"expires_in_days": 0}, "#/expires_in_days"),
        ({"expires_in_days": 99999}, "#/expires_in_days"),
        ({"owner": "\u0000"}, "#/owner"),
        ({"digest": "x"}, "#/digest"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_the_field(locked: Locked, fields: Json, pointer: str) -> None:
    answer = locked.admin.post(KEYS, json={"name": "a key", "role": "viewer", **fields})

    problem = refused(answer, 422, "validation_error")
    assert problem["errors"][0]["pointer"] == pointer


def test_a_key_is_shown_with_everything_but_its_secret(locked: Locked) -> None:
    made = locked.create(name="shown", owner="Ann", role="viewer", scopes=["tasks:write"], rate_limit="9/second")
    answer = locked.admin.get(f"{KEYS}/{made['id']}")

    assert answer.json() == {name: value for name, value in made.items() if name != "key"}
    assert answer.json()["created_by"] == locked.admin_key["id"]
    assert made["key"].split("_")[2] not in answer.text
    for unknown in ("aaaaaaaa", "x", "%00", "%F0%9F%8E%89"):
        refused(locked.admin.get(f"{KEYS}/{unknown}"), 404, "not_found")
        refused(locked.admin.delete(f"{KEYS}/{unknown}"), 404, "not_found")
        refused(locked.admin.post(f"{KEYS}/{unknown}/rotate", json={}), 404, "not_found")


def test_keys_are_listed_page_by_page_the_newest_first(locked: Locked) -> None:
    made = [locked.create(role="viewer")["id"] for _ in range(3)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = locked.admin.get(KEYS, params=query).json()
        seen += [key["id"] for key in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert seen[:3] == made[::-1]
    assert len(seen) == len(set(seen))
    assert locked.admin_key["id"] in seen
    for cursor in ("x", "AAAA", "🎉", ""):
        refused(locked.admin.get(KEYS, params={"cursor": cursor}), 400, "invalid_cursor")


def test_a_key_that_is_asked_for_twice_is_one_and_its_secret_is_not_shown_again(locked: Locked, tag: str) -> None:
    body = {"name": tag, "role": "viewer"}
    sent = {"Idempotency-Key": tag}

    first = locked.admin.post(KEYS, json=body, headers=sent)
    again = locked.admin.post(KEYS, json=body, headers=sent)
    other = locked.admin.post(KEYS, json=body | {"role": "admin"}, headers=sent)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"] == f"{KEYS}/{first.json()['id']}"
    assert {**again.json(), "key": first.json()["key"]} == first.json()
    assert "key" not in again.json()
    refused(other, 422, "idempotency_key_reused")


def test_one_key_has_ten_streams_and_waits_and_the_others_have_theirs(locked: Locked) -> None:
    task = locked.admin.post(PATH, json={**BODY, "run_at": "2999-01-01T00:00:00Z"}).json()
    waits = f"{PATH}/{task['id']}?wait=1"

    with locked.with_key(role="viewer") as client, locked.with_key(role="viewer") as other, ExitStack() as streams:
        opened = [streams.enter_context(client.stream("GET", "/api/v1/events")) for _ in range(10)]
        assert {answer.status_code for answer in opened} == {200}

        one_more = client.get("/api/v1/events")
        at_once = client.get(waits)

        assert "10 streams and waits" in refused(one_more, 429, "quota_exceeded")["detail"]
        assert one_more.headers["retry-after"] == "5"
        assert (at_once.status_code, "preference-applied" in at_once.headers) == (200, False)
        assert other.get(waits).headers["preference-applied"] == "wait=1"
        opened[0].close()
        wait_until(lambda: "preference-applied" in client.get(waits).headers, "a stream that ended makes room")


def test_a_secret_is_shown_once_and_is_in_no_log_and_no_database(locked: Locked) -> None:
    made = locked.create(role="viewer")
    with locked.client(made["key"]) as client:
        client.get(PATH)
        client.post(PATH, json=BODY)
        client.get(f"{PATH}/not-an-id")
    with locked.client(made["key"][:-1]) as client:
        client.get(PATH)
    answer = locked.admin.post(KEYS, json={"name": "kept nowhere", "role": "viewer"})
    assert answer.headers["cache-control"] == "no-store"

    secret = made["key"].split("_")[2]
    for process in locked.service.processes:
        assert secret not in process.stderr
        assert secret not in process.stdout
    database = locked.service.directory / "narad.db"
    for file in (database, database.with_name("narad.db-wal")):
        if file.exists():
            assert secret.encode() not in file.read_bytes()
