"""Help: the keys of the keyboard, and what the words mean. Open to everybody, for it says nothing of the service."""

from fastapi import APIRouter, Request, Response

from narad.dashboard.access import PublicRoute
from narad.dashboard.rendering import page
from narad.dashboard.words import STATUS_MEANING, WORKER_STATE_MEANING

router = APIRouter(include_in_schema=False, route_class=PublicRoute)

PATH = "/ui/help"


@router.get(PATH, operation_id="helpPage")
async def help_page(request: Request) -> Response:
    """The help."""
    return await page(request, "help.html", status_meanings=STATUS_MEANING, state_meanings=WORKER_STATE_MEANING)
