"""What the endpoints work with, made once by the runtime and handed to the application."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from narad.api.handlers import KnownHandlers
from narad.batcher import Batcher
from narad.clock import Clock
from narad.domain.task import NewTask, Task
from narad.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a task gets where neither it nor its handler says otherwise."""

    handler: str
    max_attempts: int
    max_losses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The store and what stands before it.

    `submissions` gathers new tasks for the store; `created` hears of them once they are committed, `stop_requested` of
    running tasks whose cancel was asked for.
    """

    store: Store
    submissions: Batcher[NewTask, NewTask]
    created: Callable[[Sequence[NewTask]], None]
    stop_requested: Callable[[Task], None]
    handlers: KnownHandlers
    clock: Clock
    defaults: Defaults
    is_draining: Callable[[], bool]


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


UsesServices = Annotated[Services, Depends(_services)]
