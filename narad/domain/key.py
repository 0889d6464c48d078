"""API keys: what one is granted, and how long it is good."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from narad.domain.scopes import Role, Scope, effective

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class KeyState(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a key allows. Without `networks` it is good from everywhere, without `handlers` for every handler."""

    name: str
    owner: str | None = None
    role: Role | None = None
    scopes: tuple[Scope, ...] = ()
    networks: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    rate_limit: str | None = None

    @property
    def effective(self) -> frozenset[Scope]:
        """Every scope that it allows."""
        return effective(self.role, self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Grant):
    """A stored key, without its secret. Until `previous_until` the secret before the last rotation is good too."""

    id: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime
    last_used_at: datetime | None = None
    previous_until: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> KeyState:
        """Whether it is good at that time."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        return KeyState.ACTIVE if now < self.expires_at else KeyState.EXPIRED


def parse_network(text: str) -> Network:
    """The network, or the one address, that is written there.

    Raises:
        ValueError: it is neither; the text says so.
    """
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address nor a network such as 10.0.0.0/8") from None


def beyond(giver: Grant, wanted: Grant) -> Scope | str | None:
    """What `wanted` allows that `giver` does not: a scope that is missing, or else a sentence; None where it is within.

    Whoever may make keys could else make one that may do more.
    """
    missing = sorted(wanted.effective - giver.effective)
    if missing:
        return missing[0]
    if giver.handlers and not (wanted.handlers and set(wanted.handlers) <= set(giver.handlers)):
        return f"the key that makes it is for the handlers {', '.join(giver.handlers)} only"
    if giver.networks and not (wanted.networks and all(_is_within(net, giver.networks) for net in wanted.networks)):
        return f"the key that makes it is for the networks {', '.join(giver.networks)} only"
    return None


def _is_within(text: str, wider: tuple[str, ...]) -> bool:
    network = parse_network(text)
    return any(_contains(parse_network(other), network) for other in wider)


def _contains(wider: Network, network: Network) -> bool:
    if isinstance(wider, ipaddress.IPv4Network):
        return isinstance(network, ipaddress.IPv4Network) and network.subnet_of(wider)
    return isinstance(network, ipaddress.IPv6Network) and network.subnet_of(wider)
