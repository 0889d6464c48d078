"""From requests of the client to those of httpx2."""

import ssl

import httpx2
import pytest

from narad import AsyncClient, Client
from narad.client import http
from narad.client.errors import ConfigurationError
from narad.client.profile import Profile
from narad.client.wire import Call

SERVICE = Profile("https://narad.example/base", "nrd_secret")
WAITING = Call(method="GET", path="/api/v1/tasks/x", query=(("wait", "20"),), wait_seconds=20)


def test_a_request_has_the_key_and_its_time() -> None:
    given = http.arguments(WAITING, SERVICE, 10)

    assert given["url"] == "https://narad.example/base/api/v1/tasks/x"
    assert given["headers"]["Authorization"] == "Bearer nrd_secret"
    assert "Content-Type" not in given["headers"]
    assert (given["timeout"].connect, given["timeout"].read) == (10, 30)


def test_a_service_without_a_key_is_sent_none() -> None:
    assert "Authorization" not in http.headers(WAITING, Profile("http://x"))


def test_a_body_is_said_to_be_json() -> None:
    call = Call(method="POST", path="/api/v1/tasks", body=b"{}", headers={"Idempotency-Key": "k"})

    found = http.headers(call, SERVICE)

    assert (found["Content-Type"], found["Idempotency-Key"]) == ("application/json", "k")
    assert found["User-Agent"].startswith("narad-client/")


@pytest.mark.parametrize(
    ("url", "trusts"),
    [
        ("http://127.0.0.1:8000", False),
        ("http://localhost", False),
        ("http://[::1]:1", False),
        ("http://10.0.0.1", True),
    ],
)
def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(url: str, *, trusts: bool) -> None:
    assert http.settings(Profile(url))["trust_env"] is trusts


def test_certificates_are_loaded_where_a_connection_may_be_encrypted() -> None:
    here = http.settings(Profile("http://localhost:8000"))["verify"]

    assert here.verify_mode is ssl.CERT_REQUIRED
    assert not here.get_ca_certs()
    for url in ("https://localhost", "http://10.0.0.1", "https://narad.example"):
        assert "verify" not in http.settings(Profile(url))


@pytest.mark.parametrize("url", ["narad.example", "ftp://x", "http://", "/api", "localhost:8000"])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_is_no_address_is_refused_at_once(kind: type[Client | AsyncClient], url: str) -> None:
    with pytest.raises(ConfigurationError, match="write it like"):
        kind(url)


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("slow"), False),
        (httpx2.PoolTimeout("busy"), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.ReadError("reset"), True),
        (httpx2.WriteError("reset"), True),
        (httpx2.RemoteProtocolError("closed"), True),
    ],
)
def test_a_failure_says_whether_the_service_may_have_done_it(error: httpx2.HTTPError, *, sent: bool) -> None:
    found = http.failed(error, WAITING, SERVICE)

    assert found.sent is sent
    assert "GET https://narad.example/base/api/v1/tasks/x" in str(found)
    assert "nrd_secret" not in str(found)
