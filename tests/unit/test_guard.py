"""The guard: what is refused by what is written in the URL, and what by the addresses of a name."""

import pytest

from narad.outbound.guard import Guard
from narad.outbound.options import OutboundOptions
from narad.outbound.refusals import RequestRefused

PUBLIC = "93.184.215.14"


def check(host: str, *, scheme: str = "https", userinfo: str = "", port: int = 443) -> None:
    Guard(OutboundOptions()).check_target(scheme, userinfo, host, port)


@pytest.mark.parametrize(
    "host", ["example.com", "EXAMPLE.com.", "xn--bcher-kva.example", "a_b.example", PUBLIC, "2606:4700::1111"]
)
@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443), ("http", 443)])
def test_names_and_public_addresses_pass(host: str, scheme: str, port: int) -> None:
    check(host, scheme=scheme, port=port)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("", "names no host"),
        ("127.0.0.1", "not public"),
        ("169.254.169.254", "not public"),
        ("::1", "not public"),
        ("::ffff:127.0.0.1", "not public"),
        ("64:ff9b::a9fe:a9fe", "not public"),
        ("2002:7f00:1::", "not public"),
        ("2130706433", "four decimal numbers"),
        ("0x7f000001", "four decimal numbers"),
        ("0x7f.1", "four decimal numbers"),
        ("0x", "four decimal numbers"),
        ("127.1", "four decimal numbers"),
        ("0177.0.0.1", "four decimal numbers"),
        ("127.0.0.1.", "four decimal numbers"),
        ("evil.example.0x7f", "four decimal numbers"),
        ("134744072", "four decimal numbers"),
        ("fe80::1%25eth0", "without a zone"),
        ("2606:4700::1111%eth0", "without a zone"),
        ("a:b", "no IPv6 address"),
        ("%31%32%37.0.0.1", "is no host"),
        ("exa\\mple", "is no host"),
        ("a%20b", "is no host"),
        ("h%00", "is no host"),
        ("a" * 254, "is no host"),
    ],
)
def test_other_hosts_are_refused(host: str, said: str) -> None:
    with pytest.raises(RequestRefused, match=said):
        check(host)


@pytest.mark.parametrize("port", [0, 22, 25, 6379, 8080, 65_536, -1])
def test_other_ports_are_refused(port: int) -> None:
    with pytest.raises(RequestRefused, match="only 80, 443; NARAD_HTTP_PORTS"):
        check("example.com", port=port)


@pytest.mark.parametrize("scheme", ["", "ftp", "file", "gopher", "ws", "unix"])
def test_other_schemes_are_refused(scheme: str) -> None:
    with pytest.raises(RequestRefused, match="only http:// and https://"):
        check("example.com", scheme=scheme)


@pytest.mark.parametrize("userinfo", ["user", "user:password", ":"])
def test_a_user_in_the_url_is_refused_and_not_repeated(userinfo: str) -> None:
    with pytest.raises(RequestRefused, match="Authorization") as caught:
        check("example.com", userinfo=userinfo)

    assert "password@" not in str(caught.value)


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"], ["fe80::1%eth0"]]
)
def test_one_bad_address_of_a_name_refuses_it_without_telling_which(found: list[str]) -> None:
    with pytest.raises(RequestRefused) as caught:
        Guard(OutboundOptions()).judge("example.com", found)

    assert not any(address in str(caught.value) for address in found)


def test_the_addresses_that_pass_are_those_to_connect_to() -> None:
    assert Guard(OutboundOptions()).judge("example.com", [PUBLIC, "::ffff:8.8.8.8"]) == [PUBLIC, "8.8.8.8"]


def test_an_allowed_network_is_open_and_its_neighbours_are_not() -> None:
    guard = Guard(OutboundOptions(allowed_networks=("10.1.0.0/16", "fd00::/64")))

    assert guard.judge("x", ["10.1.2.3", "fd00::1", "::ffff:10.1.2.4"]) == ["10.1.2.3", "fd00::1", "10.1.2.4"]
    for other in ("10.2.0.0", "127.0.0.1", "fd00:0:0:1::1", "64:ff9b::a01:203"):
        with pytest.raises(RequestRefused):
            guard.judge("x", [other])


def test_an_allowed_host_may_lead_anywhere_and_no_other_may() -> None:
    guard = Guard(OutboundOptions(allowed_hosts=("orders.internal",)))

    assert guard.judge("Orders.Internal.", ["10.0.0.1"]) == ["10.0.0.1"]
    for other in ("x.orders.internal", "orders.internal.example.com", "internal"):
        with pytest.raises(RequestRefused):
            guard.judge(other, ["10.0.0.1"])
