"""The endpoints of workers: how they are and what they run; quiet, resume and drain."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from narad.api import problems
from narad.api.answers import problem_answers
from narad.api.caller import Caller, needs
from narad.api.fleet_schemas import WorkerPage, WorkerQuery, WorkerView
from narad.api.json_route import JsonRoute
from narad.api.problems import Problem
from narad.api.services import Services, UsesCaller, UsesServices
from narad.domain.fleet import WorkerOrder, WorkerState, WorkerStatus
from narad.domain.scopes import Scope

router = APIRouter(prefix="/api/v1/workers", tags=["workers"], route_class=JsonRoute)

_ALLOWED = {
    WorkerState.ONLINE: ["quiet", "drain"],
    WorkerState.QUIET: ["resume", "drain"],
}


@router.get("", operation_id="listWorkers", responses=problem_answers(400))
@needs(Scope.WORKERS_READ)
async def list_workers(
    query: Annotated[WorkerQuery, Query()], services: UsesServices, caller: UsesCaller
) -> WorkerPage:
    """List workers, those that started last first; those that are gone are kept as long as tasks are."""
    return await services.promptly(read_workers(services, query, caller))


@router.get("/{worker_id}", operation_id="getWorker", responses=problem_answers(404))
@needs(Scope.WORKERS_READ)
async def get_worker(worker_id: UUID, services: UsesServices, caller: UsesCaller) -> WorkerView:
    """Read one worker."""
    return await services.promptly(existing_worker(services, worker_id, caller))


@router.post("/{worker_id}/quiet", operation_id="quietWorker", responses=problem_answers(404, 409))
@needs(Scope.WORKERS_MANAGE)
async def quiet_worker(worker_id: UUID, services: UsesServices, caller: UsesCaller) -> WorkerView:
    """Have a worker take nothing new, from its next heartbeat on; what it runs goes on."""
    return await services.promptly(order(services, worker_id, WorkerOrder.QUIET, caller))


@router.post("/{worker_id}/resume", operation_id="resumeWorker", responses=problem_answers(404, 409))
@needs(Scope.WORKERS_MANAGE)
async def resume_worker(worker_id: UUID, services: UsesServices, caller: UsesCaller) -> WorkerView:
    """Have a quiet worker take tasks again, from its next heartbeat on."""
    return await services.promptly(order(services, worker_id, None, caller))


@router.post("/{worker_id}/drain", operation_id="drainWorker", responses=problem_answers(404, 409))
@needs(Scope.WORKERS_MANAGE)
async def drain_worker(worker_id: UUID, services: UsesServices, caller: UsesCaller) -> WorkerView:
    """Have the process of a worker end as by SIGTERM, from its next heartbeat on; it cannot be taken back.

    What it runs has the time of a drain to end; the rest is handed back, uncharged. The exit code is 0.
    """
    return await services.promptly(order(services, worker_id, WorkerOrder.DRAIN, caller))


async def read_workers(services: Services, query: WorkerQuery, caller: Caller) -> WorkerPage:
    """A page of workers, as the caller may see them."""
    now = services.clock.now()
    found = await services.store.fleet.find(query.state, before=query.cursor, limit=query.limit + 1, now=now)
    page = found[: query.limit]
    return WorkerPage(
        items=[_shown(worker, caller) for worker in page],
        next_cursor=str(page[-1].id) if len(found) > query.limit else None,
    )


async def order(services: Services, worker_id: UUID, wanted: WorkerOrder | None, caller: Caller) -> WorkerView:
    """Leave an order for a worker, or take the last one back; how it is then.

    Raises:
        Problem: there is no such worker, or it takes no such order any more.
    """
    obeyed = await services.store.fleet.order(worker_id, wanted, now=services.clock.now())
    worker = await existing_worker(services, worker_id, caller)
    if not obeyed:
        verb = "is" if worker.state is WorkerState.DRAINING else "is gone:"
        detail = f"Worker {worker_id} {verb} {worker.state}; it takes no such order any more."
        allowed = list(_ALLOWED.get(worker.state, []))
        raise Problem(problems.INVALID_STATE, detail, current_status=worker.state, allowed_actions=allowed)
    return worker


async def existing_worker(services: Services, worker_id: UUID, caller: Caller) -> WorkerView:
    """The worker, as the caller may see it.

    Raises:
        Problem: there is none of that id.
    """
    worker = await services.store.fleet.get(worker_id, now=services.clock.now())
    if worker is None:
        raise Problem(problems.NOT_FOUND, f"There is no worker {worker_id}.")
    return _shown(worker, caller)


def _shown(worker: WorkerStatus, caller: Caller) -> WorkerView:
    """The worker without the tasks that do not exist for the caller."""
    view = WorkerView.model_validate(worker)
    return view.model_copy(update={"tasks": [task for task in view.tasks if caller.may_use(task.handler)]})
