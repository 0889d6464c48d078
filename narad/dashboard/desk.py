"""What the pages work with beside the services of the API, made once by the runtime."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from narad.api.rate_limits import RateLimiter
from narad.dashboard.counts import Counts
from narad.dashboard.live import Live
from narad.dashboard.sessions import Sessions
from narad.dashboard.standing import StandingWatch
from narad.domain.dead_letter import DeadLetters


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSetting:
    """A setting as a page may show it: nothing of a secret but whether it is set."""

    variable: str
    value: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`forms` signs form tokens; `logins` limits the guessing of keys; `dead_letters` are None without a broker."""

    live: Live
    sessions: Sessions
    standing: StandingWatch
    counts: Counts
    forms: bytes
    logins: RateLimiter
    settings: Sequence[ShownSetting]
    dead_letters: DeadLetters | None
    is_open: Callable[[], bool]


_STATE: Final = "desk"


def attach(request_state: object, desk: Desk) -> None:
    """Hand it to the application whose state this is."""
    setattr(request_state, _STATE, desk)


def desk_of(request: Request) -> Desk:
    """What the pages of this application work with."""
    desk: Desk = getattr(request.app.state, _STATE)
    return desk


async def _desk(request: Request) -> Desk:
    return desk_of(request)


UsesDesk = Annotated[Desk, Depends(_desk)]
"""What an endpoint declares to get it."""
