"""Bad requests: every answer is a problem that says what is wrong and where, and nothing is created."""

import json
from typing import Any

import httpx2
import pytest

from tests.support.tasks_api import PATH, TasksApi

JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1_048_576
NOBODY = "0193b7c2-0000-7000-8000-000000000000"


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, after a look at what every problem has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"/problems/{code.replace('_', '-')}"
    assert body["title"]
    assert body["detail"]
    return body


def send(api: TasksApi, body: str | bytes) -> httpx2.Response:
    content = body.encode() if isinstance(body, str) else body
    return api.http.post(PATH, content=content, headers=JSON)


@pytest.mark.parametrize(
    "body", ["{", '{"name": }', '{"name": "x"} trailing', "{'name': 'x'}", '{"name": "x",}', b"\xff\xfe", b"\x00"]
)
def test_a_body_that_is_not_json_is_malformed(api: TasksApi, body: str | bytes) -> None:
    problem(send(api, body), 400, "malformed_json")


@pytest.mark.parametrize("body", ["", "[]", "null", "1", '"x"', "true", "[{}]"])
def test_a_body_that_is_no_object_is_not_valid(api: TasksApi, body: str) -> None:
    problem(send(api, body), 422, "validation_error")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ('"name": ""', "#/name"),
        ('"name": "  \\t"', "#/name"),
        ('"name": null', "#/name"),
        ('"name": 7', "#/name"),
        ('"name": "nul \\u0000"', "#/name"),
        ('"name": "half \\ud800"', "#/name"),
        ('"description": "nul \\u0000"', "#/description"),
        ('"priority": "URGENT"', "#/priority"),
        ('"priority": "high"', "#/priority"),
        ('"colour": "red"', "#/colour"),
        ('"status": "COMPLETED"', "#/status"),
        ('"id": "0193b7c2-0000-7000-8000-000000000000"', "#/id"),
        ('"tags": "a"', "#/tags"),
        ('"tags": ["a", ""]', "#/tags/1"),
        ('"tags": ["\\u0000"]', "#/tags/0"),
        ('"queue": "No Such Form"', "#/queue"),
        ('"handler": "../etc"', "#/handler"),
        ('"max_attempts": 0', "#/max_attempts"),
        ('"max_attempts": 1.5', "#/max_attempts"),
        ('"max_attempts": 99999999999999999999', "#/max_attempts"),
        ('"timeout_seconds": 0', "#/timeout_seconds"),
        ('"timeout_seconds": -1', "#/timeout_seconds"),
        ('"timeout_seconds": 1e400', "#/timeout_seconds"),
        ('"timeout_seconds": NaN', "#/timeout_seconds"),
        ('"run_at": "tomorrow"', "#/run_at"),
        ('"run_at": "2026-01-01T00:00:00"', "#/run_at"),
        ('"run_at": "+99999-01-01T00:00:00Z"', "#/run_at"),
        ('"run_at": "9999-12-31T23:59:59-14:00"', "#/run_at"),
        ('"run_at": "0001-01-01T00:00:00+14:00"', "#/run_at"),
        ('"run_at": 1e300', "#/run_at"),
        ('"run_at": 1764000000', "#/run_at"),
        ('"run_at": "1764000000"', "#/run_at"),
        ('"max_attempts": "5"', "#/max_attempts"),
        ('"max_attempts": true', "#/max_attempts"),
        ('"max_losses": false', "#/max_losses"),
        ('"timeout_seconds": "1.5"', "#/timeout_seconds"),
        ('"expires_in_seconds": true', "#/expires_in_seconds"),
        ('"payload": []', "#/payload"),
        ('"payload": null', "#/payload"),
    ],
)
def test_a_wrong_field_is_named(api: TasksApi, fields: str, pointer: str) -> None:
    name = "" if fields.startswith('"name"') else '"name": "x", '

    found = problem(send(api, f"{{{name}{fields}}}"), 422, "validation_error")

    assert pointer in [error["pointer"] for error in found["errors"]]


def test_an_integer_may_be_written_with_a_point(api: TasksApi) -> None:
    answer = send(api, '{"name": "x", "handler": "demo.echo", "max_attempts": 5.0, "timeout_seconds": 3}')

    assert answer.status_code == 201
    assert (answer.json()["max_attempts"], answer.json()["timeout_seconds"]) == (5, 3.0)


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ('{"a": "nul \\u0000"}', "#/payload/a"),
        ('{"a": ["half \\udc00"]}', "#/payload/a/0"),
        ('{"a": {"b": NaN}}', "#/payload/a/b"),
        ('{"a": Infinity}', "#/payload/a"),
        ('{"a": -Infinity}', "#/payload/a"),
        ('{"a": [1, 1e400]}', "#/payload/a/1"),
        ('{"a/b~c": "\\u0000"}', "#/payload/a~1b~0c"),
    ],
)
def test_a_payload_that_cannot_be_stored_is_refused_where_it_cannot(api: TasksApi, payload: str, pointer: str) -> None:
    body = f'{{"name": "x", "handler": "demo.echo", "payload": {payload}}}'

    found = problem(send(api, body), 422, "validation_error")

    assert [error["pointer"] for error in found["errors"]] == [pointer]


@pytest.mark.parametrize("key", ["\\u0000", "\\ud800"])
def test_a_key_that_cannot_be_stored_is_refused(api: TasksApi, key: str) -> None:
    body = f'{{"name": "x", "handler": "demo.echo", "payload": {{"{key}": 1}}}}'

    found = problem(send(api, body), 422, "validation_error")

    assert found["errors"][0]["pointer"].startswith("#/payload")


@pytest.mark.parametrize("depth", [40, 500, 20_000, 200_000])
def test_deep_nesting_is_refused(api: TasksApi, depth: int) -> None:
    answer = send(api, '{"name": "x", "handler": "demo.echo", "payload": {"a": ' + "[" * depth + "]" * depth + "}}")

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 4_000, "1" * 100_000, "0.1e-400"])
def test_huge_numbers_are_kept_or_refused(api: TasksApi, number: str) -> None:
    answer = send(api, f'{{"name": "x", "handler": "demo.echo", "payload": {{"a": {number}}}}}')

    assert answer.status_code in {201, 400, 422}, answer.text
    if answer.status_code == 201:
        done = api.wait_for(answer.json()["id"], "COMPLETED")
        assert done["result"] == done["payload"] == answer.json()["payload"]


def test_an_unknown_handler_is_refused_with_the_nearest(api: TasksApi) -> None:
    found = problem(api.post({"name": "x", "handler": "demo.ecko"}), 422, "unknown_handler")

    assert found["nearest"] == "demo.echo"
    assert "demo.echo" in found["detail"]
    assert found["errors"][0]["pointer"] == "#/handler"


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({"seconds": "long"}, "#/payload/seconds"),
        ({"seconds": -1}, "#/payload/seconds"),
        ({"steps": 0}, "#/payload/steps"),
        ({"unheard_of": 1}, "#/payload"),
    ],
)
def test_a_payload_that_does_not_fit_the_handler_is_refused_below_it(
    api: TasksApi, payload: dict[str, object], pointer: str
) -> None:
    answer = api.post({"name": "x", "handler": "demo.simulate", "payload": payload})

    found = problem(answer, 422, "validation_error")

    assert found["errors"][0]["pointer"].startswith(pointer)
    assert found["errors"][0]["detail"]


def test_every_wrong_field_is_named_at_once(api: TasksApi) -> None:
    found = problem(api.post({"name": "", "priority": "X", "tags": [1]}), 422, "validation_error")

    assert {error["pointer"] for error in found["errors"]} == {"#/name", "#/priority", "#/tags/0"}


def test_what_is_refused_is_not_created(api: TasksApi, tag: str) -> None:
    api.post({"name": "x", "tags": [tag], "handler": "no.such"})
    api.post({"name": "x", "tags": [tag], "payload": {"steps": 0}})
    api.post({"name": "x", "tags": [tag], "priority": "X"})

    assert api.list_all(tag=tag) == []


def test_a_body_over_a_mebibyte_is_too_large(api: TasksApi) -> None:
    problem(send(api, b'{"name": "x", "description": "' + b"a" * MEBIBYTE + b'"}'), 413, "payload_too_large")


def test_a_body_of_unknown_length_is_too_large_as_soon_as_it_is(api: TasksApi) -> None:
    chunks = (b" " * 65_536 for _ in range(17))

    problem(api.http.post(PATH, content=chunks, headers=JSON), 413, "payload_too_large")


def test_a_payload_just_below_the_limit_is_kept(api: TasksApi) -> None:
    task = api.create("demo.simulate", {"seconds": 0}, description="a" * 10_000)
    answer = api.post({"name": "x", "handler": "tests.swallow", "payload": {"text": "a" * (MEBIBYTE - 200)}})

    assert answer.status_code == 201
    api.wait_for_all([task, answer.json()])


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_another_media_type_is_refused(api: TasksApi, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}

    problem(api.http.post(PATH, content=b'{"name": "x"}', headers=headers), 415, "unsupported_media_type")


def test_json_with_parameters_is_json(api: TasksApi) -> None:
    answer = api.http.post(PATH, content=b'{"name": "x"}', headers={"Content-Type": "Application/JSON; charset=utf-8"})

    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/tasks", "/api/v1/nothing"])
def test_an_unknown_path_is_not_found(api: TasksApi, path: str) -> None:
    problem(api.http.get(path), 404, "not_found")


@pytest.mark.parametrize("suffix", ["", "/status"])
def test_an_unknown_task_is_not_found(api: TasksApi, suffix: str) -> None:
    found = problem(api.http.get(f"{PATH}/{NOBODY}{suffix}"), 404, "not_found")

    assert NOBODY in found["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PATH, {"GET", "POST"}),
        ("DELETE", PATH, {"GET", "POST"}),
        ("POST", f"{PATH}/{NOBODY}", {"GET", "DELETE", "PATCH"}),
        ("DELETE", f"{PATH}/{NOBODY}/status", {"GET"}),
        ("PATCH", f"{PATH}/batch", {"POST"}),
        ("GET", f"{PATH}/batch", {"POST"}),
        ("POST", "/docs", {"GET"}),
        ("PUT", "/openapi.json", {"GET"}),
    ],
)
def test_a_wrong_method_is_answered_with_the_right_ones(
    api: TasksApi, method: str, path: str, allowed: set[str]
) -> None:
    answer = api.http.request(method, path)

    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("task_id", ["1", "nope", "0193b7c2", "%00", "a" * 2_000, "🎉"])
@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("GET", "/status"), ("DELETE", "")])
def test_an_id_that_is_no_uuid_is_named(api: TasksApi, task_id: str, method: str, suffix: str) -> None:
    found = problem(api.http.request(method, f"{PATH}/{task_id}{suffix}"), 422, "validation_error")

    assert [error["parameter"] for error in found["errors"]] == ["task_id"]


@pytest.mark.parametrize("path", [f"{PATH}/{NOBODY}", f"{PATH}/{NOBODY}/status"])
def test_a_parameter_that_a_task_does_not_have_is_refused(api: TasksApi, path: str) -> None:
    found = problem(api.http.get(path, params={"wiat": "1"}), 400, "unknown_parameter")

    assert found["nearest"] == "wait"


def test_problems_are_plain_ascii_json_whatever_the_request_held(api: TasksApi) -> None:
    answer = api.post({"name": "x", "handler": "demo.simulate", "payload": {"seconds": "🎉\u2028é"}})

    assert answer.content.isascii()
    assert json.loads(answer.content)["status"] == 422


def test_every_problem_names_a_page_that_says_what_to_do(api: TasksApi) -> None:
    types = api.http.get("/problems").json()["items"]

    assert len(types) > 15
    for one in types:
        page = api.http.get(one["type"], headers={"Accept": "text/html,*/*"})
        assert page.headers["content-type"].startswith("text/html")
        assert str(one["status"]) in page.text
        assert api.http.get(one["type"]).json() == one
        assert len(one["help"]) > 20


def test_the_page_of_an_unknown_problem_is_not_found(api: TasksApi) -> None:
    problem(api.http.get("/problems/<script>"), 404, "not_found")


@pytest.mark.parametrize("path", ["/livez", PATH, f"{PATH}/{NOBODY}", "/nowhere", f"{PATH}?colour=red"])
def test_every_answer_has_the_request_id_of_its_client(api: TasksApi, path: str) -> None:
    answer = api.http.get(path, headers={"X-Request-ID": "order-7/a=b"})

    assert answer.headers["x-request-id"] == "order-7/a=b"
    if answer.status_code >= 400:
        assert answer.json()["request_id"] == "order-7/a=b"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "<script>"])
def test_a_request_without_a_decent_id_gets_one(api: TasksApi, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}

    answers = [api.http.get("/livez", headers=headers) for _ in range(2)]

    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2
    assert given not in ids


def test_a_body_that_is_too_large_is_answered_with_the_request_id(api: TasksApi) -> None:
    answer = api.http.post(PATH, content=b"x" * (2 * MEBIBYTE), headers={**JSON, "X-Request-ID": "large"})

    assert problem(answer, 413, "payload_too_large")["request_id"] == answer.headers["x-request-id"] == "large"


def test_a_problem_names_the_trace_of_its_request(api: TasksApi) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    traced = api.http.get(f"{PATH}/{NOBODY}", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    untraced = api.http.get(f"{PATH}/{NOBODY}", headers={"traceparent": "nonsense"})

    assert problem(traced, 404, "not_found")["trace_id"] == trace
    assert "trace_id" not in problem(untraced, 404, "not_found")


def test_answers_say_which_headers_they_depend_on(api: TasksApi) -> None:
    task_id = api.create("demo.echo")["id"]

    def varies(path: str) -> set[str]:
        return {name.strip() for name in api.http.get(path).headers.get("vary", "").split(",") if name.strip()}

    assert varies(PATH) == {"Authorization"}
    assert varies(f"{PATH}/{task_id}") == varies(f"{PATH}/{task_id}/status") == {"Authorization", "Prefer"}
    assert varies(f"{PATH}/{NOBODY}") == {"Authorization"}
    assert varies("/problems/not-found") == {"Accept"}
    assert varies("/livez") == set()
