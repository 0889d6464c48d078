"""The endpoints of queues: what waits in them; pause and resume."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path

from narad.api import problems
from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.fleet_schemas import CountView, LaneView, PauseRequest, QueuePage, QueueView
from narad.api.json_route import JsonRoute
from narad.api.problems import Problem
from narad.api.services import Services, UsesServices
from narad.domain.fleet import LaneStatus, QueueStatus
from narad.domain.names import LONGEST_QUEUE_NAME, QUEUE_NAME
from narad.domain.scopes import Scope
from narad.store.queues import MOST_QUEUES

router = APIRouter(prefix="/api/v1/queues", tags=["queues"], route_class=JsonRoute)

QueueName = Annotated[str, Path(pattern=QUEUE_NAME, max_length=LONGEST_QUEUE_NAME)]


@router.get("", operation_id="listQueues", responses=problem_answers())
@needs(Scope.QUEUES_READ)
async def list_queues(services: UsesServices) -> QueuePage:
    """List the queues that handlers, living workers, or tasks that wait or run name, and those that are paused."""
    return QueuePage(items=await services.promptly(read_queues(services)))


@router.get("/{name}", operation_id="getQueue", responses=problem_answers(404))
@needs(Scope.QUEUES_READ)
async def get_queue(name: QueueName, services: UsesServices) -> QueueView:
    """Read one queue."""
    return await services.promptly(existing_queue(services, name))


@router.post("/{name}/pause", operation_id="pauseQueue", responses=problem_answers(400, 404, 413, 415))
@needs(Scope.QUEUES_MANAGE)
async def pause_queue(name: QueueName, services: UsesServices, body: PauseRequest | None = None) -> QueueView:
    """Have nothing new started from the queue. Tasks are still accepted and wait; those that run go on.

    Workers that claim from the store obey at once, those that RabbitMQ pushes to at their next heartbeat. Pausing a
    paused queue changes the reason alone.
    """
    return await services.promptly(pause(services, name, body.reason if body else None))


@router.post("/{name}/resume", operation_id="resumeQueue", responses=problem_answers(404))
@needs(Scope.QUEUES_MANAGE)
async def resume_queue(name: QueueName, services: UsesServices) -> QueueView:
    """Have tasks of the queue started again; of one that is not paused, nothing changes."""
    return await services.promptly(resume(services, name))


async def pause(services: Services, name: str, reason: str | None) -> QueueView:
    """Pause the queue; how it is then.

    Raises:
        Problem: there is none of that name.
    """
    await existing_queue(services, name)
    await services.store.queues.pause(name, reason, now=services.clock.now())
    return await existing_queue(services, name)


async def resume(services: Services, name: str) -> QueueView:
    """Resume the queue; how it is then.

    Raises:
        Problem: there is none of that name.
    """
    before = await existing_queue(services, name)
    await services.store.queues.resume(name)
    # One that only its pause made known is known no more; it is told once as it is now.
    after = await read_queues(services, name)
    return after[0] if after else before.model_copy(update={"paused": False, "paused_at": None, "paused_reason": None})


async def existing_queue(services: Services, name: str) -> QueueView:
    found = await read_queues(services, name)
    if not found:
        detail = f"No handler, worker or task names a queue {name}; GET {router.prefix} lists those that are known."
        raise Problem(problems.NOT_FOUND, detail)
    return found[0]


async def read_queues(services: Services, name: str | None = None) -> list[QueueView]:
    """The queues known, or the one of that name where it is."""
    now = services.clock.now()
    served = Counter(queue for offer in await services.store.fleet.offers(now=now) for queue in offer.queues)
    known = sorted({*await services.store.queues.names(), *served})
    names: Sequence[str] = known[:MOST_QUEUES] if name is None else [one for one in known if one == name]
    found = {queue.name: queue for queue in await services.store.queues.look(served, names, now=now)}
    return [_view(found[one], now) for one in names]


def _view(queue: QueueStatus, now: datetime) -> QueueView:
    return QueueView(
        name=queue.name,
        paused=queue.paused_at is not None,
        paused_at=queue.paused_at,
        paused_reason=queue.paused_reason,
        workers=queue.workers,
        running=CountView.model_validate(queue.running),
        lanes={priority: _lane(lane, now) for priority, lane in queue.lanes.items()},
    )


def _lane(lane: LaneStatus, now: datetime) -> LaneView:
    oldest = lane.oldest_run_at
    return LaneView(
        waiting=CountView.model_validate(lane.waiting),
        delayed=CountView.model_validate(lane.delayed),
        oldest_age_seconds=None if oldest is None else (now - oldest).total_seconds(),
    )
