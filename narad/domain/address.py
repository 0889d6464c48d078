"""Which addresses are public: what stands between a request and a service that it was talked into calling (SSRF).

The list is ours, for `ipaddress.is_global` lets addresses through that lead to private ones by another spelling: those
of NAT64, 6to4 and Teredo, IPv4-compatible ones, and those under which clouds serve their credentials.
"""

import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED_IPV4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # public by its number only: the platform of a cloud
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")
"""Outside it lie loopback, IPv4-compatible addresses, NAT64, local ones of every kind, and multicast."""
_REFUSED_IPV6: Final = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))


def unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped one stands for; any other as it is."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Whether it leads to the Internet and nowhere else."""
    plain = unmapped(address)
    if isinstance(plain, ipaddress.IPv4Address):
        return not any(plain in network for network in _REFUSED_IPV4)
    if plain.scope_id is not None or plain not in _PUBLIC_IPV6:
        return False
    return not any(plain in network for network in _REFUSED_IPV6)


def is_permitted(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether it is public, or in one of the networks that are allowed all the same."""
    plain = unmapped(address)
    if isinstance(plain, ipaddress.IPv6Address) and plain.scope_id is not None:
        return False
    return is_public(plain) or any(plain in network for network in allowed)
