"""Handlers: the catalogue, as workers publish it, and what happened to their tasks in the last 24 hours."""

from fastapi import APIRouter, Request, Response

from narad.api.caller import Caller, needs
from narad.api.fleet_schemas import WorkerQuery, WorkerView
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.task_query import LARGEST_PAGE
from narad.api.v1.handlers import HandlerName, existing_handler, read_handlers
from narad.api.v1.stats import read_handler_figures
from narad.api.v1.workers import read_workers
from narad.dashboard.access import PageRoute
from narad.dashboard.pages.workers import LIVING
from narad.dashboard.rendering import page
from narad.domain.scopes import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/ui/handlers"
_WINDOW = "24h"


@router.get(PATH, operation_id="handlersPage")
@needs(Scope.HANDLERS_READ)
async def handlers_page(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Every handler known."""
    return await page(
        request,
        "handlers.html",
        handlers=await services.promptly(read_handlers(services)),
        figures=await services.promptly(read_handler_figures(services, _WINDOW))
        if Scope.QUEUES_READ in caller.scopes
        else None,
    )


@router.get(PATH + "/{name}", operation_id="handlerPage")
@needs(Scope.HANDLERS_READ)
async def handler_page(name: HandlerName, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """One handler."""
    handler = await services.promptly(existing_handler(services, name))
    figures = None
    if Scope.QUEUES_READ in caller.scopes:
        figures = (await services.promptly(read_handler_figures(services, _WINDOW))).get(name)
    return await page(
        request,
        "handler.html",
        handler=handler,
        figures=figures,
        workers=await services.promptly(_serving(services, name, caller))
        if Scope.WORKERS_READ in caller.scopes
        else None,
        now=services.clock.now(),
    )


async def _serving(services: Services, name: str, caller: Caller) -> list[WorkerView]:
    """Living workers that offer the handler, of the latest ones."""
    found = await read_workers(services, WorkerQuery(state=list(LIVING), limit=LARGEST_PAGE), caller)
    return [worker for worker in found.items if name in worker.handlers]
