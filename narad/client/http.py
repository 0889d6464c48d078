"""Between `Call` and `Answer` and what httpx2 knows: the same for both clients."""

import platform
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2

from narad import __version__
from narad.client.errors import ConfigurationError, ConnectionFailed
from narad.client.following import SILENCE_SECONDS
from narad.client.problem import Response
from narad.client.profile import Profile
from narad.client.wire import Answer, Call

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
BROKEN = (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError)
"""How a request ends that is not answered."""
_MOST_CONNECTIONS = 500
_MOST_IDLE = 50
_POOL_SECONDS = 60.0
"""For a connection to become free: longer than the longest wait that may hold one."""
_AGENT = f"narad-client/{__version__} python/{platform.python_version()}"


def settings(service: Profile) -> dict[str, Any]:
    """How a client of httpx2 is made for a service; a proxy of the environment is not asked for this machine itself.

    Raises:
        ConfigurationError: the address is none of HTTP.
    """
    parts = urlsplit(service.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{service.url!r} is not the address of a service; write it like http://host:8000")
    limits = httpx2.Limits(max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_IDLE)
    found = {"trust_env": not _is_loopback(parts.hostname), "follow_redirects": False, "limits": limits}
    if parts.scheme == "http" and not found["trust_env"]:
        # No proxy, no redirect: nothing is ever encrypted, and to load the certificates of the system takes a seventh
        # of the start of a program. This context trusts none, so that it fails closed.
        found["verify"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return found


def headers(call: Call, service: Profile) -> dict[str, str]:
    """The headers of a request."""
    found = {"User-Agent": _AGENT, "Accept": "application/json", **call.headers}
    if service.api_key is not None:
        found["Authorization"] = f"Bearer {service.api_key}"
    if call.body is not None:
        found["Content-Type"] = "application/json"
    return found


def arguments(call: Call, service: Profile, timeout: float) -> dict[str, Any]:
    """The arguments of `request` and `stream` of httpx2; a wait takes its time on top of the time limit."""
    return {
        "method": call.method,
        "url": service.url + call.path,
        "params": list(call.query),
        "content": call.body,
        "headers": headers(call, service),
        "timeout": httpx2.Timeout(timeout, read=timeout + call.wait_seconds, pool=_POOL_SECONDS),
    }


def stream_arguments(call: Call, service: Profile, timeout: float) -> dict[str, Any]:
    """The same for a stream, which may be silent for a while."""
    return {
        **arguments(call, service, timeout),
        "timeout": httpx2.Timeout(timeout, read=SILENCE_SECONDS, pool=_POOL_SECONDS),
    }


def answer_of(response: httpx2.Response) -> Answer:
    """What came back, once it is read."""
    return Answer(response=Response(status=response.status_code, headers=_names(response)), body=response.content)


def failed(
    error: httpx2.HTTPError | httpx2.InvalidURL | ssl.SSLError, call: Call, service: Profile
) -> ConnectionFailed:
    """The error of a request that was not answered."""
    reason = str(error) or type(error).__name__
    what = f"{call.method} {service.url}{call.path}"
    sent = not isinstance(error, _NOT_SENT)
    hint = "the connection broke off" if sent else "the service was not reached; is it running at this address?"
    if isinstance(error, httpx2.ReadTimeout):
        hint = "no answer in time; a longer timeout may help"
    return ConnectionFailed(f"{what}: {hint} ({reason})", sent=sent)


def _names(response: httpx2.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
