"""Limits of connections and of waiting tasks: who goes beyond them is told so, and all others are served."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.acceptance.test_problems import problem
from tests.support.service import StartEmbedded
from tests.support.tasks_api import TasksApi, wait_until

PATIENCE_SECONDS = 20
RECEIVE_SECONDS = 1.0
LATER = "2090-01-01T00:00:00Z"


@contextmanager
def connected(api: TasksApi) -> Iterator[socket.socket]:
    """A connection to the service, as bare as a client can have it."""
    address = urlsplit(api.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=PATIENCE_SECONDS) as connection:
        yield connection


def answer_of(connection: socket.socket) -> bytes:
    """All that the service sends until it closes."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def status_and_code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"]


@pytest.fixture
def api(start_embedded: StartEmbedded) -> TasksApi:
    return start_embedded(
        NARAD_RECEIVE_TIMEOUT_SECONDS=f"{RECEIVE_SECONDS}", NARAD_MAX_HEADER_BYTES="2048", NARAD_MAX_CONNECTIONS="20"
    ).api


def test_a_head_that_is_too_large_is_refused(api: TasksApi) -> None:
    assert api.http.get("/livez", headers={"X-Long": "x" * 1_500}).status_code == 200

    with connected(api) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 3_000 + b"\r\n\r\n")
        assert status_and_code(answer_of(connection)) == (431, "headers_too_large")
    with connected(api) as connection:
        connection.sendall(b"GET /" + b"x" * 3_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_and_code(answer_of(connection)) == (431, "headers_too_large")


def test_what_is_not_http_is_refused(api: TasksApi) -> None:
    with connected(api) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert status_and_code(answer_of(connection)) == (400, "http_error")


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"GET /livez"])
def test_a_head_that_does_not_arrive_is_not_waited_for(api: TasksApi, sent: bytes) -> None:
    with connected(api) as connection:
        connection.sendall(sent)
        assert status_and_code(answer_of(connection)) == (408, "request_timeout")


def test_a_body_that_does_not_arrive_is_not_waited_for(api: TasksApi) -> None:
    with connected(api) as connection:
        connection.sendall(
            b"POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        answer_of(connection)

    assert api.page()["items"] == []


def test_a_client_that_is_slow_between_requests_is_served(api: TasksApi) -> None:
    with connected(api) as connection:
        for _ in range(2):
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while not received.endswith(b'{"status":"ok"}'):
                received += connection.recv(65_536)
            time.sleep(1.5 * RECEIVE_SECONDS)


def test_connections_beyond_the_limit_are_refused_and_the_others_are_served(api: TasksApi) -> None:
    assert api.http.get("/livez").status_code == 200
    with httpx2.Client(base_url=api.url, trust_env=False) as early:
        assert early.get("/livez").status_code == 200
        answers = []
        sockets = [socket.create_connection((urlsplit(api.url).hostname, urlsplit(api.url).port)) for _ in range(25)]
        try:
            for connection in sockets[20:]:
                connection.settimeout(PATIENCE_SECONDS)
                answers.append(status_and_code(answer_of(connection)))
            assert early.get("/livez").status_code == 200
        finally:
            for connection in sockets:
                connection.close()

    assert set(answers) == {(503, "temporary_reduced_capacity")}


def test_above_the_high_water_mark_no_task_is_accepted_until_there_is_room(start_embedded: StartEmbedded) -> None:
    api = start_embedded(NARAD_MAX_WAITING="3").api
    items = [{"name": "x", "run_at": LATER}] * 3
    created = api.http.post("/api/v1/tasks/batch", json={"items": items}).json()["items"]

    def refused() -> bool:
        answer = api.post({"name": "one more", "run_at": LATER})
        if answer.status_code == 201:  # the count may be a second old
            api.cancel(answer.json()["id"])
            return False
        assert answer.headers["retry-after"]
        problem(answer, 503, "temporary_reduced_capacity")
        return True

    wait_until(refused, "a task more is refused")
    api.cancel(created[0]["id"])
    wait_until(lambda: api.post({"name": "again", "run_at": LATER}).status_code == 201, "there is room again")


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(start_embedded: StartEmbedded) -> None:
    api = start_embedded(NARAD_SEND_TIMEOUT_SECONDS="1.5", NARAD_MAX_CONNECTIONS="1").api

    def served() -> bool:
        with httpx2.Client(base_url=api.url, trust_env=False) as http:
            try:
                return http.get("/livez").status_code == 200
            except httpx2.TransportError:
                return False

    with connected(api) as connection:
        # More than any buffer on the way holds.
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        assert not served()
        wait_until(served, "the connection of the client that does not read is cut off", seconds=15)
