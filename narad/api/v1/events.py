"""The endpoints of events: streams of hints, of all tasks or of one."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.event_schemas import EventQuery, ResumeQuery, shown
from narad.api.json_route import StreamRoute
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.visible import existing
from narad.api.waiting import again
from narad.domain.event import OF_STATUS, Mark, of_task
from narad.domain.scopes import Scope
from narad.domain.task import Task
from narad.events.hub import RING_SIZE
from narad.events.listener import Listener, Wanted
from narad.events.ring import Numbered

RETRY_MILLISECONDS = 2_000
_SPREAD_MILLISECONDS = 3_000
"""Added at random where a stream ends: its clients shall not all come back at once."""

router = APIRouter(prefix="/api/v1", tags=["events"], route_class=StreamRoute)

LastEventId = Annotated[str | None, Header(description="The id of the last event that you have.")]


@dataclass(frozen=True, slots=True)
class TaskStream:
    """What a stream of one task begins with: the task as it was found, unless it goes on from an earlier event."""

    listener: Listener
    task: Task
    resumes: bool


async def _listener(
    query: Annotated[EventQuery, Query()],
    services: UsesServices,
    caller: UsesCaller,
    last_event_id: LastEventId = None,
) -> AsyncIterator[Listener]:
    # Opened before the answer begins: too many streams shall be answered with a problem, not end an answer of 200.
    with services.lasting.stream(caller):
        listener = services.hub.open(query.wanted(caller.handlers), after=last_event_id or query.last_event_id)
        try:
            yield listener
        finally:
            services.hub.close(listener)


async def _task_stream(
    task_id: UUID,
    query: Annotated[ResumeQuery, Query()],
    services: UsesServices,
    caller: UsesCaller,
    last_event_id: LastEventId = None,
) -> AsyncIterator[TaskStream]:
    after = last_event_id or query.last_event_id
    with services.lasting.stream(caller):
        listener = services.hub.open(Wanted(ids=frozenset({task_id})), after=after)
        try:
            task = await existing(task_id, services, caller)
            services.hub.stands(_mark(task))
            yield TaskStream(listener, task, resumes=after is not None)
        finally:
            services.hub.close(listener)


@router.get("/events", operation_id="streamEvents", response_class=EventSourceResponse, responses=problem_answers(400))
@needs(Scope.TASKS_READ)
async def stream_events(
    listener: Annotated[Listener, Depends(_listener)], services: UsesServices
) -> AsyncIterator[ServerSentEvent]:
    """Stream hints that tasks changed, as server-sent events. Events may be lost; `resync` says so: read again."""
    yield ServerSentEvent(retry=RETRY_MILLISECONDS)
    end_at = services.clock.monotonic() + services.stream_seconds
    while (left := end_at - services.clock.monotonic()) > 0:
        taken = await listener.take(left)
        if taken.lost:
            yield _resync(services)
        for numbered in taken.events:
            yield _frame(numbered)
        if taken.ended:
            break
    yield _come_back()


@router.get(
    "/tasks/{task_id}/events",
    operation_id="streamTaskEvents",
    response_class=EventSourceResponse,
    responses=problem_answers(400, 404),
)
@needs(Scope.TASKS_READ)
async def stream_task_events(
    stream: Annotated[TaskStream, Depends(_task_stream)], services: UsesServices
) -> AsyncIterator[ServerSentEvent]:
    """Stream hints that one task changed. Begins with where it stands; `end` comes after its last event."""
    listener, task = stream.listener, stream.task
    yield ServerSentEvent(retry=RETRY_MILLISECONDS)
    if not stream.resumes or task.status.is_final:
        yield _state(task, services)
    begun = None if stream.resumes else (OF_STATUS[task.status], task.attempt)
    end_at = services.clock.monotonic() + services.stream_seconds
    while not task.status.is_final and (left := end_at - services.clock.monotonic()) > 0:
        taken = await listener.take(left)
        if taken.lost:
            yield _resync(services)
            task = await again(task, services)
            yield _state(task, services)
            begun = (OF_STATUS[task.status], task.attempt)
        for numbered in taken.events:
            if (numbered.event.type, numbered.event.attempt) == begun:
                continue  # a hint that was on its way while the task was read, and says what was told already
            yield _frame(numbered)
            if numbered.event.is_final:
                yield _end(task.id)
                return
        if taken.ended:
            break
    yield _end(task.id) if task.status.is_final else _come_back()


def _state(task: Task, services: Services) -> ServerSentEvent:
    """An event that says where the task stands; without an id, since it is not one of those that are numbered."""
    event = of_task(OF_STATUS[task.status], task, services.clock.now())
    return ServerSentEvent(event=event.type, raw_data=shown(event).model_dump_json())


def _mark(task: Task) -> Mark:
    return Mark(
        id=task.id,
        status=task.status,
        priority=task.priority,
        handler=task.handler,
        queue=task.queue,
        attempt=task.attempt,
        version=task.version,
    )


@lru_cache(maxsize=RING_SIZE)
def _frame(numbered: Numbered) -> ServerSentEvent:
    """Made once for all clients that get the event."""
    event = numbered.event
    return ServerSentEvent(event=event.type, id=numbered.place, raw_data=shown(event).model_dump_json())


def _resync(services: Services) -> ServerSentEvent:
    return ServerSentEvent(event="resync", id=services.hub.place, raw_data="{}")


def _end(task_id: UUID) -> ServerSentEvent:
    return ServerSentEvent(event="end", data={"id": task_id})


def _come_back() -> ServerSentEvent:
    spread = random.randrange(_SPREAD_MILLISECONDS)  # noqa: S311 - spreads reconnects, no secret
    return ServerSentEvent(retry=RETRY_MILLISECONDS + spread)
