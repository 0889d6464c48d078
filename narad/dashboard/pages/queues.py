"""Queues: what waits in them by priority, since when, and whether they are paused; and how many dead letters lie."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from narad.api.caller import needs
from narad.api.fleet_schemas import PauseRequest
from narad.api.services import UsesServices
from narad.api.v1.queues import QueueName, pause, read_queues, resume
from narad.dashboard.access import PageRoute
from narad.dashboard.desk import UsesDesk
from narad.dashboard.forms import checked
from narad.dashboard.htmx import wants_fragment
from narad.dashboard.leading import lead_to
from narad.dashboard.pages.dead_letters import counted
from narad.dashboard.rendering import page
from narad.domain.scopes import Scope
from narad.domain.status import BY_URGENCY

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH = "/ui/queues"


@router.get(PATH, operation_id="queuesPage")
@needs(Scope.QUEUES_READ)
async def queues_page(request: Request, services: UsesServices, desk: UsesDesk) -> Response:
    """Every queue known; the dead letters are counted when the page is opened, not when it is drawn again."""
    return await page(
        request,
        "queues.html",
        queues=await services.promptly(read_queues(services)),
        by_urgency=BY_URGENCY,
        dead_letters=None if wants_fragment(request) else await counted(desk.dead_letters),
    )


@router.post(PATH + "/{name}/pause", operation_id="pauseQueue")
@needs(Scope.QUEUES_MANAGE)
async def pause_queue(
    name: QueueName, request: Request, services: UsesServices, reason: Annotated[str, Form()] = ""
) -> Response:
    """Have nothing new started from the queue."""
    body = checked(PauseRequest, {"reason": reason.strip()})
    await services.promptly(pause(services, name, body.reason))
    return lead_to(request, PATH)


@router.post(PATH + "/{name}/resume", operation_id="resumeQueue")
@needs(Scope.QUEUES_MANAGE)
async def resume_queue(name: QueueName, request: Request, services: UsesServices) -> Response:
    """Have tasks of the queue started again."""
    await services.promptly(resume(services, name))
    return lead_to(request, PATH)
