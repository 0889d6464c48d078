"""Who sent a request, and what that allows; and what an endpoint demands of its callers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import Scope as Connection

from narad.api import problems
from narad.api.problems import Problem
from narad.domain.key import Grant, Key, Network, parse_network
from narad.domain.rate import RatePolicy, parse_rate
from narad.domain.scopes import EVERYTHING, Role, Scope

_MARK = "__narad_access__"
_STATE = "caller"
E = TypeVar("E", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The sender of a request. Made once for a key and then kept: a request costs a look-up, no more."""

    actor: str
    key_id: str | None
    grant: Grant
    scopes: frozenset[Scope]
    handlers: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    policy: RatePolicy | None = None

    @property
    def reads_payloads(self) -> bool:
        """Whether payloads and results are shown."""
        return Scope.TASKS_PAYLOAD_READ in self.scopes

    def may_use(self, handler: str) -> bool:
        """Whether tasks of the handler exist for this caller."""
        return not self.handlers or handler in self.handlers


ANONYMOUS = Caller(actor="anonymous", key_id=None, grant=Grant(name="anonymous", role=Role.ADMIN), scopes=EVERYTHING)
"""Everybody, where the service is open."""


def caller_with(key: Key) -> Caller:
    """Who sends requests with a key."""
    return Caller(
        actor=key.owner or key.name,
        key_id=key.id,
        grant=key,
        scopes=key.effective,
        handlers=frozenset(key.handlers),
        networks=tuple(parse_network(network) for network in key.networks),
        policy=None if key.rate_limit is None else parse_rate(key.rate_limit),
    )


@dataclass(frozen=True, slots=True)
class Access:
    """What an endpoint demands, and whether a change by it is kept in the audit."""

    scope: Scope
    audited: bool = True


def needs(scope: Scope, *, audited: bool = True) -> Callable[[E], E]:
    """Declare the scope that an endpoint demands. `audited=False`: what it makes is itself the record of it."""

    def declare(endpoint: E) -> E:
        setattr(endpoint, _MARK, Access(scope, audited))
        return endpoint

    return declare


def access_of(endpoint: Callable[..., Any]) -> Access | None:
    """What the endpoint declared."""
    access: Access | None = getattr(endpoint, _MARK, None)
    return access


def admit(connection: Connection, caller: Caller | None) -> None:
    """Attach the sender to a request; None for one who showed no key where none is needed."""
    connection.setdefault("state", {})[_STATE] = caller


def caller_of(request: Request) -> Caller:
    """The sender of the request.

    Raises:
        Problem: it is not known.
    """
    caller: Caller | None = request.scope["state"][_STATE]
    if caller is None:
        raise unauthenticated()
    return caller


def demand(request: Request, scope: Scope) -> None:
    """See that the sender may do this.

    Raises:
        Problem: it is not known, or its key lacks the scope.
    """
    caller = caller_of(request)
    if scope not in caller.scopes:
        raise lacking(scope)


def lacking(scope: Scope) -> Problem:
    """The problem of a caller whose key lacks a scope."""
    detail = f"This needs a key with the scope {scope}, which yours lacks; ask who manages keys for one that has it."
    return Problem(problems.FORBIDDEN, detail, required_scope=scope)


def unauthenticated(reason: str | None = None) -> Problem:
    """The problem of a caller without a key, or with one that is good for nothing."""
    if reason is not None:
        challenge = 'Bearer error="invalid_token"'
    else:
        challenge = "Bearer"
        reason = "This service needs an API key. Send one as Authorization: Bearer nrd_…; narad keys create makes it."
    return Problem(problems.UNAUTHENTICATED, reason, headers={"WWW-Authenticate": challenge})


def not_of_your_handlers(handler: str) -> Problem:
    """The problem of a caller who asks for a handler that its key is not for."""
    return Problem(problems.FORBIDDEN, f"Your key is not for the handler {handler}; its list of handlers lacks it.")
