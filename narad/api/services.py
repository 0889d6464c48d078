"""What the endpoints work with, made once by the runtime and handed to the application."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from narad.api.caller import Caller, caller_of
from narad.api.handlers import KnownHandlers
from narad.api.high_water import HighWater
from narad.api.keyring import KeyRing
from narad.api.lasting import Lasting
from narad.api.readiness import Readiness
from narad.batcher import Batcher
from narad.clock import Clock
from narad.domain.event import EventType, of_task
from narad.domain.submission import Submission, Submitted
from narad.domain.task import NewTask, Task
from narad.errors import StoreUnavailableError
from narad.events.base import Announcer
from narad.events.hub import Hub
from narad.issuing import Issuer
from narad.metrics import Metrics
from narad.secrets import Secrets
from narad.store.store import Store
from narad.tally import Tally

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a task gets where neither it nor its handler says otherwise."""

    handler: str
    max_attempts: int
    max_losses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The store and what stands before it.

    `submissions` gathers new tasks for the store, `unique_submissions` those that may be there already. `created` hears
    of new tasks once they are committed, `moved` of a waiting one that goes another way or again, `stop_requested` of a
    running one whose cancel was asked for. `tally` counts what ends without a worker. `hub` has the streams and waits
    of this process, and `events` tells all processes of what happens to tasks here; a stream ends after
    `stream_seconds`, and `lasting` limits how many of them a key has. `metrics_are_open` to callers without a key.
    """

    store: Store
    submissions: Batcher[NewTask, NewTask]
    unique_submissions: Batcher[Submission, Submitted]
    created: Callable[[Sequence[NewTask]], None]
    moved: Callable[[Task], None]
    stop_requested: Callable[[Task], None]
    tally: Tally
    handlers: KnownHandlers
    high_water: HighWater
    clock: Clock
    defaults: Defaults
    secrets: Secrets
    keyring: KeyRing
    issuer: Issuer
    timeout_seconds: float
    hub: Hub
    events: Announcer
    stream_seconds: float
    lasting: Lasting
    readiness: Readiness
    metrics: Metrics
    metrics_are_open: bool

    def announce(self, type_: EventType, task: Task) -> None:
        """Tell whoever listens what was just done to a task."""
        if self.events.wanted:
            self.events.publish([of_task(type_, task, self.clock.now())])

    async def promptly(self, work: Awaitable[T]) -> T:
        """Wait for the store no longer than a request may.

        Raises:
            StoreUnavailableError: it takes longer; what was asked for may still happen.
        """
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await work
        except TimeoutError as error:
            raise StoreUnavailableError(f"no answer within {self.timeout_seconds:g} s") from error


def services_of(request: Request) -> Services:
    """The services of the application that got this request."""
    services: Services = request.app.state.services
    return services


async def _caller(request: Request) -> Caller:
    return caller_of(request)


async def _services(request: Request) -> Services:
    # A coroutine, though it waits for nothing: the framework would run a plain function in a thread, for each request.
    return services_of(request)


UsesServices = Annotated[Services, Depends(_services)]
"""What an endpoint declares to get the services. The busiest ask `services_of` themselves: a dependency costs time."""

UsesCaller = Annotated[Caller, Depends(_caller)]
"""What an endpoint declares to know who asks."""
