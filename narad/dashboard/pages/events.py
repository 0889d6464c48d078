"""The stream of a live page: signals that something changed, for lists or for one task."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as Connection
from typing_extensions import override

from narad.api.caller import needs
from narad.api.services import UsesCaller, UsesServices
from narad.api.visible import existing
from narad.dashboard.access import PageRoute
from narad.dashboard.desk import UsesDesk
from narad.domain.scopes import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_LONGEST_PLACE = 100


class _Stream(StreamingResponse):
    """Is closed however it ends, also where its client went before it began."""

    def __init__(self, frames: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._close = close

    @override
    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


@router.get("/ui/events", operation_id="pageEvents")
@needs(Scope.TASKS_READ)
async def page_events(
    request: Request,
    services: UsesServices,
    caller: UsesCaller,
    desk: UsesDesk,
    task: UUID | None = None,
    after: Annotated[str | None, Query(max_length=_LONGEST_PLACE)] = None,
) -> Response:
    """Signals for a page with lists, or for that of a task; `after` is where the page was when it was drawn."""
    live = desk.live
    place = request.headers.get("last-event-id") or after
    if task is None:
        reader = live.open(place)
        return _Stream(live.lists(reader), lambda: live.close(reader))
    await existing(task, services, caller)
    listener = live.open_task(task, place)
    return _Stream(live.task(listener), lambda: live.close_task(listener))
