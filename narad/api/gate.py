"""The gate: every request passes it first. Who sends it, may it come from there, is it within its rate?

One plain ASGI layer, since it is crossed by every request: for a known key it costs a hash and a look-up, for an open
service a look at the headers. What the sender may do is asked by the route, which knows what it is for.
"""

import ipaddress
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from narad.api import problems
from narad.api.caller import ANONYMOUS, Caller, admit, unauthenticated
from narad.api.errors import store_unavailable
from narad.api.keyring import Refused
from narad.api.origins import HostGuard
from narad.api.problems import Problem
from narad.api.rate_limits import RateLimiter, caller_at, headers_of, over_quota
from narad.api.root_path import path_of
from narad.api.services import Services
from narad.errors import StoreUnavailableError

PROBES = frozenset({"/livez", "/readyz"})
"""Asked by what watches the service, by its address and without a key; they tell nothing and change nothing."""

_API = "/api/"
_SCHEME = b"bearer "


class Gate:
    """Refuses who may not come in, and attaches to each other request who sends it."""

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        guard: HostGuard,
        limiter: RateLimiter,
        open_paths: Collection[str] = PROBES,
    ) -> None:
        """`open_paths` are let through, whoever asks."""
        self._app = app
        self._open_paths = frozenset(open_paths)
        self._services = services
        self._ring = services.keyring
        self._guard = guard
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or path_of(scope) in self._open_paths:
            await self._app(scope, receive, send)
            return
        caller = refusal = None
        try:
            if self._ring.locked:
                caller = await self._identify(scope)
            else:
                self._guard.check(scope["method"], scope["headers"])
                caller = ANONYMOUS
        except Problem as problem:
            refusal = problem
        policy = (caller.policy if caller is not None else None) or self._limiter.default
        if policy is not None:
            who = caller.key_id if caller is not None else None
            verdict = self._limiter.take(who or caller_at(address_of(scope)), policy)
            send = _adding(headers_of(policy, verdict), send)
            if not verdict.allowed:
                refusal = over_quota(policy, verdict)
        if refusal is not None:
            await refusal.response(scope)(scope, receive, send)
            return
        admit(scope, caller)
        await self._app(scope, receive, send)

    async def _identify(self, scope: Scope) -> Caller | None:
        token = _token(scope)
        if token is None:
            if path_of(scope).startswith(_API):
                raise unauthenticated()
            return None
        caller = self._ring.kept(token)
        if caller is None:
            try:
                caller = await self._services.promptly(self._ring.look_up(token))
            except StoreUnavailableError as error:
                raise store_unavailable(error, scope) from error
        if isinstance(caller, Refused):
            raise unauthenticated(caller.reason)
        if caller.networks and not is_within(caller, address_of(scope)):
            detail = f"Your key is not for {address_of(scope)}: its list of networks lacks it."
            raise Problem(problems.FORBIDDEN, detail)
        return caller


def address_of(scope: Scope) -> str | None:
    """Where a request comes from."""
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else None


def _token(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_SCHEME)].lower() == _SCHEME:
            token: bytes = value[len(_SCHEME) :].strip()
            return token
    return None


def is_within(caller: Caller, address: str | None) -> bool:
    """Whether the key of the caller is good from the address, where it has a list of networks."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return any(parsed in network for network in caller.networks)


def _adding(headers: list[tuple[bytes, bytes]], send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *headers]}
        await send(message)

    return sending
