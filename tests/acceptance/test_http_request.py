"""`http.request` and `ctx.http` in a running service, against a real server on an allowed network, and without one."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from narad.outbound.signature import signature_of
from tests.support.receiver import Receiver, in_turn, plain, silence
from tests.support.service import Service, StartService
from tests.support.tasks_api import TasksApi, wait_until

FETCHERS = ("tests.fetch", "tests.fetch_in_a_thread", "tests.fetch_isolated", "tests.fetch_isolated_async")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def calling(start_service: StartService, receiver: Receiver) -> Service:
    """A service that may call the receiver."""
    return start_service(NARAD_HTTP_ALLOWED_NETWORKS="127.0.0.0/8", NARAD_HTTP_PORTS=str(receiver.port))


def test_a_service_elsewhere_does_the_work(calling: Service, receiver: Receiver) -> None:
    receiver.replies["/ship"] = in_turn(
        plain(503, b"busy", retry_after="0"), plain(200, b'{"shipped": true}', content_type="application/json")
    )

    task = calling.api.create("http.request", {"url": receiver.url + "/ship", "json": {"order": 17}})
    done = calling.api.wait_for(task["id"], "COMPLETED")

    assert done["result"]["json"] == {"shipped": True}
    assert (done["attempt"], done["failures"]) == (2, 1)
    key = calling.run("signing-key")
    assert key.wait() == 0, key.tail()
    for number, received in enumerate(receiver.received, start=1):
        assert received.body == b'{"order":17}'
        assert received.headers["narad-task-id"] == received.headers["idempotency-key"] == task["id"]
        assert received.headers["narad-attempt"] == str(number)
        signed_at = int(received.headers["narad-signature"].partition(",")[0].removeprefix("t="))
        assert received.headers["narad-signature"] == signature_of(received.body, key.stdout.strip(), signed_at)


def test_what_the_answer_rules_out_is_not_tried_again(calling: Service, receiver: Receiver) -> None:
    receiver.replies |= {
        "/gone": plain(410, b"no such order"),
        "/moved": plain(302, location="http://169.254.169.254/"),
    }

    gone = calling.api.create("http.request", {"url": receiver.url + "/gone"}, max_attempts=5)
    moved = calling.api.create("http.request", {"url": receiver.url + "/moved"}, max_attempts=5)

    failed = calling.api.wait_for(gone["id"], "FAILED")
    assert (failed["attempt"], failed["error"]["type"]) == (1, "HttpRejected")
    assert "answered 410 Said: no such order" in failed["error"]["message"]
    assert "redirects are not followed" in calling.api.wait_for(moved["id"], "FAILED")["error"]["message"]
    assert len(receiver.received) == 2


def test_handlers_of_every_kind_call_by_their_context(calling: Service, receiver: Receiver) -> None:
    tasks = [calling.api.create(name, {"url": f"{receiver.url}/{name}"}) for name in FETCHERS]
    refused = [calling.api.create(name, {"url": "http://169.254.169.254/"}, max_attempts=5) for name in FETCHERS]

    for task, name in zip(tasks, FETCHERS, strict=True):
        assert calling.api.wait_for(task["id"], "COMPLETED")["result"]["path"] == f"/{name}"
    for task in refused:
        failed = calling.api.wait_for(task["id"], "FAILED")
        assert (failed["attempt"], failed["error"]["type"]) == (1, "RequestRefused")


def test_a_call_can_be_cancelled(calling: Service, receiver: Receiver) -> None:
    receiver.replies["/"] = silence
    task = calling.api.create("http.request", {"url": receiver.url + "/", "timeout_seconds": 600})
    wait_until(lambda: bool(receiver.received), lambda: "the receiver is called")

    assert calling.api.cancel(task["id"]).status_code == 202

    calling.api.wait_for(task["id"], "CANCELLED")


def test_nothing_private_is_called_unless_it_is_allowed(api: TasksApi, receiver: Receiver) -> None:
    for url, said in (
        (receiver.url, "may not be called, only 80, 443"),
        ("http://127.0.0.1/", "not public"),
        ("http://localhost/", "not public"),
        ("http://169.254.169.254/latest/meta-data/", "not public"),
        ("http://0x7f.1/", "four decimal numbers"),
    ):
        task = api.create("http.request", {"url": url}, max_attempts=5)
        failed = api.wait_for(task["id"], "FAILED")
        assert (failed["attempt"], failed["error"]["type"]) == (1, "RequestRefused")
        assert said in failed["error"]["message"]

    assert receiver.received == []


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "http://example.com", "method": "TRACE"}, "method"),
        ({"url": "http://example.com", "follow_redirects": True}, "follow_redirects"),
    ],
)
def test_a_payload_that_makes_no_sense_is_refused_when_it_is_submitted(
    api: TasksApi, payload: dict[str, object], pointer: str
) -> None:
    answer = api.post({"name": "x", "handler": "http.request", "payload": payload})

    assert answer.status_code == 422
    assert pointer in answer.text


def test_tls_of_an_authority_of_one_s_own_is_verified(start_service: StartService, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Receiver(tls=context) as receiver:
        service = start_service(
            NARAD_HTTP_ALLOWED_NETWORKS="127.0.0.1",
            NARAD_HTTP_PORTS=str(receiver.port),
            NARAD_HTTP_CA_FILE=str(tmp_path / "ca.pem"),
        )
        task = service.api.create("http.request", {"url": receiver.url + "/safe"})

        assert service.api.wait_for(task["id"], "COMPLETED")["result"]["json"]["path"] == "/safe"


def test_proxies_of_the_environment_divert_no_call(start_service: StartService, receiver: Receiver) -> None:
    with Receiver() as proxy:
        variables = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"), proxy.url)
        networks, ports = "127.0.0.0/8", str(receiver.port)
        service = start_service(
            NARAD_HTTP_ALLOWED_NETWORKS=networks, NARAD_HTTP_PORTS=ports, no_proxy="", NO_PROXY="", **variables
        )
        api = service.api
        tasks = [api.create(name, {"url": f"{receiver.url}/{name}"}) for name in ("http.request", *FETCHERS)]
        api.wait_for_all(tasks)

        assert proxy.received == []
    assert {one.path for one in receiver.received} == {f"/{name}" for name in ("http.request", *FETCHERS)}
