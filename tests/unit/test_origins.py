"""An open service: the names it answers to, and the sites it changes nothing for."""

import pytest

from narad.api import problems
from narad.api.origins import HostGuard
from narad.api.problems import Kind, Problem


def refused(guard: HostGuard, method: str = "POST", **headers: str) -> Kind | None:
    """What the guard says of a request with these headers."""
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    try:
        guard.check(method, raw)
    except Problem as problem:
        return problem.kind
    return None


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LocalHost:8000", "localhost.", "127.0.0.1", "127.0.0.1:8000", "127.1.2.3", "[::1]",
     "[::1]:8000"],
)  # fmt: skip
def test_the_names_of_loopback_are_answered(host: str) -> None:
    assert refused(HostGuard(()), "GET", host=host) is None


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", "[::2]",
     "0.0.0.0",  # noqa: S104 - nothing is bound
     "127.1", "2130706433", "[", "]", ":", "localhost@evil.example", "evil.example\xff"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_any_other_name_is_refused_also_for_reading(host: str, method: str) -> None:
    assert refused(HostGuard(()), method, host=host) is problems.HOST_NOT_ALLOWED


def test_a_request_without_a_host_is_refused() -> None:
    assert refused(HostGuard(()), "GET") is problems.HOST_NOT_ALLOWED


def test_a_second_host_is_looked_at_too() -> None:
    with pytest.raises(Problem):
        HostGuard(()).check("GET", [(b"host", b"localhost"), (b"host", b"evil.example")])


@pytest.mark.parametrize(("allowed", "host"), [("api", "api:8000"), ("tasks.example", "Tasks.Example"), ("*", "any")])
def test_further_names_are_allowed_by_the_setting(allowed: str, host: str) -> None:
    guard = HostGuard([allowed])

    assert refused(guard, host=host) is None
    assert refused(guard, host="localhost") is None


def test_names_are_remembered_and_only_so_many() -> None:
    guard = HostGuard(["*"])

    for number in range(5_000):
        assert refused(guard, "GET", host=f"host{number}") is None

    assert len(guard._accepted) <= 1_000  # noqa: SLF001 - nothing else shows it


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin"])
def test_a_change_for_another_site_is_refused(site: str) -> None:
    guard = HostGuard(())

    assert refused(guard, host="localhost", sec_fetch_site=site) is problems.ORIGIN_NOT_ALLOWED
    assert refused(guard, "DELETE", host="localhost", sec_fetch_site=site) is problems.ORIGIN_NOT_ALLOWED
    assert refused(guard, "GET", host="localhost", sec_fetch_site=site) is None


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_change_for_our_own_pages_or_a_person_passes_whatever_the_origin(site: str) -> None:
    assert refused(HostGuard(()), host="localhost", sec_fetch_site=site, origin="null") is None


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://evil.example", "http://localhost", "http://localhost:9000", "http://localhost:8000.evil.example",
     "localhost:8000", "ftp://localhost:8000", "http://localhost:8000/"],
)  # fmt: skip
def test_without_that_header_the_origin_must_be_this_host(origin: str) -> None:
    assert refused(HostGuard(()), host="localhost:8000", origin=origin) is problems.ORIGIN_NOT_ALLOWED


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://localhost:8000", "HTTP://LOCALHOST:8000"])
def test_the_origin_of_this_host_passes(origin: str) -> None:
    assert refused(HostGuard(()), host="localhost:8000", origin=origin) is None


def test_a_client_that_sends_neither_passes() -> None:
    assert refused(HostGuard(()), host="localhost:8000") is None
