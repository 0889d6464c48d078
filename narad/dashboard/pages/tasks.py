"""The list of tasks: filters, order and page in the URL, by the same model as in the API."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_200_OK, HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_CONTENT

from narad.api.caller import Caller, needs
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.task_page import Looked, TaskPage, look_at
from narad.api.task_query import FILTERS, TaskQuery
from narad.dashboard import counts
from narad.dashboard.access import PageRoute
from narad.dashboard.desk import Desk, UsesDesk
from narad.dashboard.queries import address_with, asked
from narad.dashboard.rendering import page
from narad.dashboard.search import parsed
from narad.dashboard.words import COLUMN
from narad.domain.fleet import Count
from narad.domain.scopes import Scope
from narad.domain.status import Status

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_NOTHING = Looked(TaskPage(items=[], next_cursor=None, prev_cursor=None, has_more=False))
_COLUMNS = "columns"
_SEARCH = "search"
_USUAL = ("handler", "priority", "queue", "progress", "failures", "created", "wait", "run")
_IN_THE_FORM = frozenset({"q", "search", "handler", "queue", "priority", "tag", "created_after", "status"})


@router.get("/ui/tasks", operation_id="tasksPage")
@needs(Scope.TASKS_READ)
async def tasks_page(request: Request, services: UsesServices, caller: UsesCaller, desk: UsesDesk) -> Response:
    """The list of tasks; what stands in the search box becomes parameters first."""
    handlers = await services.promptly(services.handlers.names())
    if _SEARCH in request.query_params:
        return RedirectResponse(_searched(request, handlers), status_code=HTTP_303_SEE_OTHER)
    wanted = asked(request, TaskQuery, besides={_COLUMNS})
    looked = _NOTHING if wanted.wrong else await services.promptly(_look(wanted.query, services, caller))
    total = None if wanted.wrong else await desk.counts.total(wanted.query, looked.page, caller)
    return await page(
        request,
        "tasks.html",
        status=HTTP_422_UNPROCESSABLE_CONTENT if wanted.wrong else HTTP_200_OK,
        query=wanted.query,
        wrong=wanted.wrong,
        unknown=wanted.unknown,
        found=looked.page,
        further=looked.further,
        searched=counts.ROWS,
        total=total,
        counts=await status_counts(desk, caller),
        handlers=handlers,
        columns=_columns(request),
        filtered=_filters(wanted.query),
        kept=_kept(request),
        address=lambda **changes: address_with(request, changes),
        status_address=lambda status: address_with(request, {"status": _turned(wanted.query.status, status)}),
        export=lambda kind: f"{request.scope.get('root_path', '')}/ui/tasks/export.{kind}?{request.url.query}",
        may_bulk=Scope.BULK_EXECUTE in caller.scopes and bool(looked.page.items),
        filter_text=urlencode(_flat(request)),
        since=request.query_params.get("created_after", ""),
        base=str(request.base_url).rstrip("/"),
    )


def _searched(request: Request, handlers: Sequence[str]) -> str:
    """Where a text in the search box leads: to a task, or to this list with other parameters."""
    search = parsed(request.query_params[_SEARCH], handlers)
    if search.task is not None:
        return f"{request.scope.get('root_path', '')}/ui/tasks/{search.task}"
    return address_with(request, {_SEARCH: None, "q": None, **search.parameters})


def _columns(request: Request) -> list[str]:
    """The columns that are shown beside status and name, in the order of the picker."""
    chosen = [one for value in request.query_params.getlist(_COLUMNS) for one in value.split(",")]
    return [name for name in COLUMN if name in (chosen or _USUAL)]


def _flat(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.query_params.multi_items() if value and name in FILTERS]


async def _look(query: TaskQuery, services: Services, caller: Caller) -> Looked:
    return await look_at(query, services, caller, rows=counts.ROWS)


def _turned(chosen: list[Status], status: Status) -> Status | None:
    """What a tile leads to: its status alone, or all of them where it is chosen already."""
    return None if chosen == [status] else status


async def status_counts(desk: Desk, caller: Caller) -> dict[Status, Count] | None:
    """How many tasks have each status; None for who may not see that of all tasks."""
    if Scope.QUEUES_READ not in caller.scopes:
        return None
    return dict((await desk.counts.statuses()).counts)


def _filters(query: TaskQuery) -> list[tuple[str, Any]]:
    """The filters that are set, by name and value."""
    given = query.model_dump(mode="json", include=set(FILTERS), exclude_unset=True)
    return [
        (name, value)
        for name, values in given.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]


def _kept(request: Request) -> list[tuple[str, str]]:
    """What the form of filters has no field for and keeps all the same."""
    items = request.query_params.multi_items()
    return [(name, value) for name, value in items if value and name not in _IN_THE_FORM | {"cursor", "lang"}]
