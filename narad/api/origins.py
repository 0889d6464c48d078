"""For a service that is open: which requests a browser sent because some other site told it to.

A page of another site can make a browser on this machine send requests to a service on its loopback. Under a name of
that site which leads here (DNS rebinding) it could also read the answers. The first is told by what browsers say of the
origin, the second by the name in Host.
"""

import ipaddress
from collections.abc import Collection, Iterable

from narad.api import problems
from narad.api.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ANY_HOST = "*"
_OWN_SITES = frozenset({b"same-origin", b"none"})
_MOST_REMEMBERED = 1_000

Headers = Iterable[tuple[bytes, bytes]]


class HostGuard:
    """Lets requests pass whose Host is a name of this machine, and which no other site is behind."""

    def __init__(self, allowed: Collection[str]) -> None:
        """`allowed` are further names; `*` allows any."""
        self._allowed = frozenset(allowed)
        self._accepted: set[bytes] = set()

    def check(self, method: str, headers: Headers) -> None:
        """See that the request may pass.

        Raises:
            Problem: it may not.
        """
        host = site = origin = None
        for name, value in headers:
            if name == b"host":
                host = value
                if value not in self._accepted:
                    self._accept(value)
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"origin":
                origin = value
        if host is None:
            raise _wrong_host("")
        if method not in SAFE_METHODS:
            see_own_site(site, origin, host)

    def _accept(self, value: bytes) -> None:
        if ANY_HOST not in self._allowed:
            name = _name_of(_text(value))
            if name not in self._allowed and not is_loopback(name):
                raise _wrong_host(_text(value))
        if len(self._accepted) < _MOST_REMEMBERED:
            self._accepted.add(value)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine itself, by its address or as `localhost`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def see_own_site(site: bytes | None, origin: bytes | None, host: bytes) -> None:
    """See that no other site is behind a change. Browsers leave `site` out on plain HTTP; programs leave out both.

    Raises:
        Problem: another one is.
    """
    if site is not None:
        if site not in _OWN_SITES:
            raise _foreign(f"Sec-Fetch-Site is {_text(site)}")
    elif origin is not None and not _is_same(origin, host):
        raise _foreign(f"Origin is {_text(origin)}, Host is {_text(host)}")


def _name_of(host: str) -> str:
    """The name or address in a Host, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")


def _is_same(origin: bytes, host: bytes) -> bool:
    """Whether a page of that origin came from this host; which scheme it has depends on what stands in front."""
    scheme, separator, rest = origin.lower().partition(b"://")
    return bool(separator) and scheme in {b"http", b"https"} and rest == host.lower()


def _text(value: bytes) -> str:
    return value.decode("latin-1")


def _wrong_host(host: str) -> Problem:
    detail = (
        f"Host is {host or 'missing'}, which is no name of this machine's loopback; a service without keys answers to "
        "no other. Name it in NARAD_ALLOWED_HOSTS, or create a key with narad keys create."
    )
    return Problem(problems.HOST_NOT_ALLOWED, detail)


def _foreign(why: str) -> Problem:
    detail = f"A page of another site is behind this request: {why}. Nothing is changed for it."
    return Problem(problems.ORIGIN_NOT_ALLOWED, detail)
