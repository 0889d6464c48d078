"""The guard: which URLs and which addresses a request may go to, as pure decisions.

It is asked twice. `check_target` judges what is written in the URL, before anything is sent. `judge` judges the
addresses that a name has at the moment of connecting, and what it returns is what is connected to: a name that changes
its address between the check and the connection gains nothing.
"""

import ipaddress
import re
from collections.abc import Sequence

from narad.domain.address import Address, is_permitted, unmapped
from narad.outbound.options import OutboundOptions
from narad.outbound.refusals import RequestRefused

_SCHEMES = ("http", "https")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


class Guard:
    """Decides by the options. Its messages never tell the address of a name: that is none of the caller's business."""

    def __init__(self, options: OutboundOptions) -> None:
        self._networks = tuple(map(ipaddress.ip_network, options.allowed_networks))
        self._hosts = frozenset(map(_bare, options.allowed_hosts))
        self._ports = options.ports

    def check_target(self, scheme: str, userinfo: str, host: str, port: int) -> None:
        """See that a URL of these parts may be called, as far as it tells.

        Raises:
            RequestRefused: it may not.
        """
        if scheme not in _SCHEMES:
            raise RequestRefused(f"The URL begins with {scheme[:20]}://; only http:// and https:// are called.")
        if userinfo:
            raise RequestRefused("The URL holds a user or password; send them in an Authorization header instead.")
        if not host:
            raise RequestRefused("The URL names no host.")
        if port not in self._ports:
            ports = ", ".join(map(str, self._ports))
            raise RequestRefused(f"Port {port} may not be called, only {ports}; NARAD_HTTP_PORTS lists them.")
        literal = _literal(host)
        if literal is not None:
            self._see_permitted(host, literal)

    def judge(self, host: str, found: Sequence[str]) -> list[str]:
        """The addresses to connect to, of those that a name was found to have: all of them, or none.

        Raises:
            RequestRefused: one of them may not be called. One bad address among good ones is an attempt to get by.
        """
        addresses = [ipaddress.ip_address(text) for text in found]
        for address in addresses:
            self._see_permitted(host, address)
        return [str(unmapped(address)) for address in addresses]

    def _see_permitted(self, host: str, address: Address) -> None:
        if _bare(host) in self._hosts or is_permitted(address, self._networks):
            return
        raise RequestRefused(
            f"{host[:253]} is, or leads to, an address that is not public. If it may be called, list its network in "
            "NARAD_HTTP_ALLOWED_NETWORKS, or its name in NARAD_HTTP_ALLOWED_HOSTS."
        )


def _literal(host: str) -> Address | None:
    """The address that is written as a host; None for a name.

    Raises:
        RequestRefused: it is written in a way that programs read differently, such as 0x7f.1.
    """
    if ":" in host:
        try:
            return _without_zone(ipaddress.IPv6Address(host))
        except ValueError:
            raise RequestRefused(f"{host[:100]} is no IPv6 address; write it without a zone.") from None
    if not _NAME.fullmatch(host):
        raise RequestRefused(f"{host[:100]!r} is no host; write a name or an address, without escapes.")
    if not _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        raise RequestRefused(f"{host[:100]} is no host; write an IPv4 address as four decimal numbers.") from None


def _without_zone(address: ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    if address.scope_id is not None:
        raise ValueError(address)
    return address


def _bare(host: str) -> str:
    return host.lower().removesuffix(".")
