"""The endpoints of workers: how they are and what they run; quiet, resume and drain."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from narad.api import problems
from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.fleet_schemas import WorkerPage, WorkerQuery, WorkerView
from narad.api.json_route import JsonRoute
from narad.api.problems import Problem
from narad.api.services import Services, UsesServices
from narad.domain.fleet import WorkerOrder, WorkerState
from narad.domain.scopes import Scope

router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=JsonRoute)

_ALLOWED = {
    WorkerState.ONLINE: ["quiet", "drain"],
    WorkerState.QUIET: ["resume", "drain"],
}


@router.get("", operation_id="listWorkers", responses=problem_answers(400))
@needs(Scope.WORKERS_READ)
async def list_workers(query: Annotated[WorkerQuery, Query()], services: UsesServices) -> WorkerPage:
    """List workers, those that started last first; those that are gone are kept as long as tasks are."""
    found = await services.promptly(
        services.store.fleet.find(query.state, before=query.cursor, limit=query.limit + 1, now=services.clock.now())
    )
    page = found[: query.limit]
    return WorkerPage(
        items=[WorkerView.model_validate(worker) for worker in page],
        next_cursor=str(page[-1].id) if len(found) > query.limit else None,
    )


@router.get("/{worker_id}", operation_id="getWorker", responses=problem_answers(404))
@needs(Scope.WORKERS_READ)
async def get_worker(worker_id: UUID, services: UsesServices) -> WorkerView:
    """Read one worker."""
    return await services.promptly(_existing(services, worker_id))


@router.post("/{worker_id}/quiet", operation_id="quietWorker", responses=problem_answers(404, 409))
@needs(Scope.WORKERS_MANAGE)
async def quiet_worker(worker_id: UUID, services: UsesServices) -> WorkerView:
    """Have a worker take nothing new, from its next heartbeat on; what it runs goes on."""
    return await services.promptly(_order(services, worker_id, WorkerOrder.QUIET))


@router.post("/{worker_id}/resume", operation_id="resumeWorker", responses=problem_answers(404, 409))
@needs(Scope.WORKERS_MANAGE)
async def resume_worker(worker_id: UUID, services: UsesServices) -> WorkerView:
    """Have a quiet worker take tasks again, from its next heartbeat on."""
    return await services.promptly(_order(services, worker_id, None))


@router.post("/{worker_id}/drain", operation_id="drainWorker", responses=problem_answers(404, 409))
@needs(Scope.WORKERS_MANAGE)
async def drain_worker(worker_id: UUID, services: UsesServices) -> WorkerView:
    """Have the process of a worker end as by SIGTERM, from its next heartbeat on; it cannot be taken back.

    What it runs has the time of a drain to end; the rest is handed back, uncharged. The exit code is 0.
    """
    return await services.promptly(_order(services, worker_id, WorkerOrder.DRAIN))


async def _order(services: Services, worker_id: UUID, order: WorkerOrder | None) -> WorkerView:
    obeyed = await services.store.fleet.order(worker_id, order, now=services.clock.now())
    worker = await _existing(services, worker_id)
    if not obeyed:
        verb = "is" if worker.state is WorkerState.DRAINING else "is gone:"
        detail = f"Worker {worker_id} {verb} {worker.state}; it takes no such order any more."
        allowed = list(_ALLOWED.get(worker.state, []))
        raise Problem(problems.INVALID_STATE, detail, current_status=worker.state, allowed_actions=allowed)
    return worker


async def _existing(services: Services, worker_id: UUID) -> WorkerView:
    worker = await services.store.fleet.get(worker_id, now=services.clock.now())
    if worker is None:
        raise Problem(problems.NOT_FOUND, f"There is no worker {worker_id}.")
    return WorkerView.model_validate(worker)
