"""Workers: how they are, what they run; quiet, resume and drain."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.status import HTTP_200_OK, HTTP_422_UNPROCESSABLE_CONTENT

from narad.api.caller import needs
from narad.api.fleet_schemas import WorkerPage, WorkerQuery
from narad.api.services import UsesCaller, UsesServices
from narad.api.v1.workers import existing_worker, order, read_workers
from narad.dashboard.access import PageRoute
from narad.dashboard.leading import lead_to
from narad.dashboard.queries import address_with, asked
from narad.dashboard.rendering import page
from narad.domain.fleet import WorkerOrder, WorkerState
from narad.domain.scopes import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/ui/workers"
LIVING: Final = (WorkerState.ONLINE, WorkerState.QUIET, WorkerState.DRAINING)
"""Those that the list shows unasked."""
_NOTHING = WorkerPage(items=[], next_cursor=None)


@router.get(PATH, operation_id="workersPage")
@needs(Scope.WORKERS_READ)
async def workers_page(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """The list of workers: the living, unless others are asked for."""
    wanted = asked(request, WorkerQuery)
    states = wanted.query.state or list(LIVING)
    query = wanted.query.model_copy(update={"state": states})
    return await page(
        request,
        "workers.html",
        status=HTTP_422_UNPROCESSABLE_CONTENT if wanted.wrong else HTTP_200_OK,
        found=_NOTHING if wanted.wrong else await services.promptly(read_workers(services, query, caller)),
        wrong=wanted.wrong,
        unknown=wanted.unknown,
        states=states,
        choices_of_states=_choices(request, states),
        is_first=wanted.query.cursor is None,
        now=services.clock.now(),
        address=lambda **changes: address_with(request, changes),
    )


@router.get(PATH + "/{worker_id}", operation_id="workerPage")
@needs(Scope.WORKERS_READ)
async def worker_page(worker_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """One worker."""
    return await page(
        request,
        "worker.html",
        worker=await services.promptly(existing_worker(services, worker_id, caller)),
        now=services.clock.now(),
    )


@router.post(PATH + "/{worker_id}/quiet", operation_id="quietWorker")
@needs(Scope.WORKERS_MANAGE)
async def quiet_worker(worker_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Have a worker take nothing new."""
    await services.promptly(order(services, worker_id, WorkerOrder.QUIET, caller))
    return lead_to(request, f"{PATH}/{worker_id}")


@router.post(PATH + "/{worker_id}/resume", operation_id="resumeWorker")
@needs(Scope.WORKERS_MANAGE)
async def resume_worker(worker_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Have a quiet worker take tasks again."""
    await services.promptly(order(services, worker_id, None, caller))
    return lead_to(request, f"{PATH}/{worker_id}")


@router.post(PATH + "/{worker_id}/drain", operation_id="drainWorker")
@needs(Scope.WORKERS_MANAGE)
async def drain_worker(worker_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Have the process of a worker end."""
    await services.promptly(order(services, worker_id, WorkerOrder.DRAIN, caller))
    return lead_to(request, f"{PATH}/{worker_id}")


def _choices(request: Request, chosen: list[WorkerState]) -> list[dict[str, Any]]:
    """What the list can be narrowed to: the living, each state alone, or all."""
    everything: list[tuple[str, tuple[WorkerState, ...]]] = [
        ("living", LIVING),
        *((state.value, (state,)) for state in WorkerState),
        ("all", tuple(WorkerState)),
    ]
    return [
        {
            "key": key,
            "address": address_with(request, {"state": None if states == LIVING else list(states)}),
            "chosen": set(states) == set(chosen),
        }
        for key, states in everything
    ]
