"""The list of tasks as a file: JSON lines as the API has them, or CSV for a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from narad.api import problems
from narad.api.caller import Caller, needs
from narad.api.problems import FieldError, Problem
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.task_page import ListedTaskView, TaskPage, read_page
from narad.api.task_query import LARGEST_PAGE, TaskQuery
from narad.dashboard.access import PageRoute
from narad.dashboard.queries import asked
from narad.domain.scopes import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST_EXPORTED: Final = 10_000
_COLUMNS: Final = (
    "id", "name", "status", "priority", "handler", "queue", "tags", "attempt", "failures", "max_attempts",
    "created_at", "run_at", "started_at", "finished_at", "worker_id", "error_type", "error_message",
)  # fmt: skip
_TYPES: Final = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Format = Literal["jsonl", "csv"]


@router.get("/ui/tasks/export.{kind}", operation_id="exportTasks")
@needs(Scope.TASKS_READ)
async def export_tasks(kind: Format, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """The tasks that match, in order, up to 10 000, without payloads and results."""
    wanted = asked(request, TaskQuery, besides={"columns"})
    if wanted.wrong:
        errors = [FieldError(detail=why, code="value", parameter=name) for name, why in wanted.wrong.items()]
        raise Problem(problems.VALIDATION_ERROR, "This list cannot be exported.", errors=errors)
    plain: dict[str, Any] = {"limit": LARGEST_PAGE, "cursor": None, "fields": [], "include": []}
    query = wanted.query.model_copy(update=plain)
    first = await services.promptly(read_page(query, services, caller))
    lines = _written(_pages(query, first, services, caller), kind)
    headers = {"Content-Disposition": f'attachment; filename="tasks.{kind}"', "Cache-Control": "private, no-store"}
    return StreamingResponse(lines, headers=headers, media_type=_TYPES[kind])


async def _pages(
    query: TaskQuery, page: TaskPage, services: Services, caller: Caller
) -> AsyncIterator[list[ListedTaskView]]:
    left = MOST_EXPORTED
    while True:
        yield page.items[:left]
        left -= len(page.items)
        if left <= 0 or page.next_cursor is None:
            return
        following = query.model_copy(update={"cursor": page.next_cursor})
        page = await services.promptly(read_page(following, services, caller))


async def _written(pages: AsyncIterator[list[ListedTaskView]], kind: Format) -> AsyncIterator[str]:
    write: Callable[[Sequence[ListedTaskView]], str] = _jsonl if kind == "jsonl" else _csv
    if kind == "csv":
        yield _row(_COLUMNS)
    async for items in pages:
        yield write(items)


def _jsonl(items: Sequence[ListedTaskView]) -> str:
    left_out: dict[str, Any] = {"payload": True, "result": True, "redacted": True, "error": {"traceback": True}}
    return "".join(f"{item.model_dump_json(exclude=left_out)}\n" for item in items)


def _csv(items: Sequence[ListedTaskView]) -> str:
    return "".join(_row(_cells(item)) for item in items)


def _cells(item: ListedTaskView) -> list[str]:
    values = item.model_dump(mode="json", include=set(_COLUMNS))
    values["tags"] = " ".join(item.tags)
    values["error_type"] = item.error.type if item.error else None
    values["error_message"] = item.error.message if item.error else None
    return [safe_cell("" if values[name] is None else str(values[name])) for name in _COLUMNS]


def safe_cell(text: str) -> str:
    """The text as a spreadsheet shows it, and never as a formula that it would run."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
