"""Which addresses are public: the whole list of what is not, and what no spelling of an address gets by."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from narad.domain.address import Address, is_permitted, is_public, unmapped

IPV4 = st.ip_addresses(v=4)
IPV6 = st.ip_addresses(v=6)
NAT64 = int(IPv6Address("64:ff9b::"))
SIXTOFOUR = int(IPv6Address("2002::"))

NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.0", "169.254.169.254", "169.254.255.255",
    "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.0",
    "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "100::1", "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "3fff::5", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "ff0e::1", "2606:4700::1111%eth0",
)  # fmt: skip

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
    "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "::ffff:8.8.8.8", "2000::1", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "3ffe::1",
)  # fmt: skip


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_what_leads_elsewhere_than_to_the_internet_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not is_permitted(ip_address(text), ())


@pytest.mark.parametrize("text", PUBLIC)
def test_the_rest_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(IPV4 | IPV6)
def test_nothing_is_public_that_the_standard_library_calls_private(address: Address) -> None:
    if not address.is_global:
        assert not is_public(address)


@given(IPV4)
def test_a_mapped_address_is_judged_as_the_one_it_stands_for(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")

    assert unmapped(mapped) == address
    assert is_public(mapped) == is_public(address)
    assert is_permitted(mapped, [ip_network(f"{address}/32")])


@given(IPV4)
def test_no_address_within_an_address_is_public(inner: IPv4Address) -> None:
    for number in (int(inner), NAT64 | int(inner), SIXTOFOUR | int(inner) << 80):
        address = IPv6Address(number)
        assume(address.ipv4_mapped is None)
        assert not is_public(address)


@given(IPV4 | IPV6, st.integers(1, 32))
def test_an_allowed_network_opens_itself_and_nothing_else(address: Address, length: int) -> None:
    network = ip_network((address, address.max_prefixlen - length), strict=False)
    assume(unmapped(address) == address)

    assert is_permitted(address, [network])
    for neighbour in (int(network.network_address) - 1, int(network.broadcast_address) + 1):
        if 0 <= neighbour < 2**address.max_prefixlen:
            beyond = type(address)(neighbour)
            assert is_permitted(beyond, [network]) == is_public(beyond)


def test_a_zone_is_never_permitted() -> None:
    assert not is_permitted(ip_address("fe80::1%eth0"), [ip_network("::/0")])
