"""One task: where it stands and how it came there, in parts of their own address, and what can be done with it."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER

from narad.api import problems
from narad.api.attempts import attempts_of
from narad.api.caller import Caller, needs
from narad.api.problems import FieldError, Problem
from narad.api.schemas import TaskView
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.task_actions import allowed_actions, amend, cancel, retry
from narad.api.visible import existing, shown
from narad.dashboard.access import PageRoute
from narad.dashboard.formatting import masked
from narad.dashboard.life import life_of
from narad.dashboard.queries import address_with
from narad.dashboard.rendering import page
from narad.dashboard.snippets import body_like, snippets
from narad.dashboard.words import N_
from narad.domain.log_line import LogLine
from narad.domain.scopes import Scope
from narad.domain.status import Priority

router = APIRouter(include_in_schema=False, route_class=PageRoute)

TABS: Final = (
    ("summary", N_("Summary")),
    ("payload", N_("Payload")),
    ("result", N_("Result")),
    ("attempts", N_("Attempts")),
    ("logs", N_("Log")),
    ("json", N_("JSON")),
)
_MOST_LINES: Final = 200
_CLONED: Final = (
    "name", "description", "priority", "handler", "payload", "queue", "max_attempts", "timeout_seconds", "tags",
)  # fmt: skip


@router.get("/ui/tasks/{task_id}", operation_id="taskPage")
@needs(Scope.TASKS_READ)
async def task_page(task_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """One task."""
    tab = request.query_params.get("tab", "")
    tab = tab if tab in dict(TABS) else "summary"
    task = await existing(task_id, services, caller)
    history = await services.promptly(services.store.attempts.history(task_id))
    view = shown(task, caller, services)
    return await page(
        request,
        "task.html",
        task=view,
        tab=tab,
        tabs=TABS,
        life=life_of(task, services.clock.now()),
        attempts=attempts_of(task, history).items,
        lines=await _lines(task_id, services) if tab == "logs" and caller.reads_payloads else (),
        most_lines=_MOST_LINES,
        actions=allowed_actions(task),
        now=services.clock.now(),
        snippets=_snippets(view, request, caller),
        raw=view.model_dump(mode="json") if tab == "json" else None,
        tab_address=lambda key: address_with(request, {"tab": None if key == "summary" else key}),
    )


@router.post("/ui/tasks/{task_id}/cancel", operation_id="cancelTask")
@needs(Scope.TASKS_CANCEL)
async def cancel_task(task_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Cancel the task, and show it."""
    await cancel(task_id, None, services, caller)
    return _to_task(request, task_id)


@router.post("/ui/tasks/{task_id}/retry", operation_id="retryTask")
@needs(Scope.TASKS_RETRY)
async def retry_task(task_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Run the task again, and show it."""
    await retry(task_id, services, caller)
    return _to_task(request, task_id)


@router.post("/ui/tasks/{task_id}/priority", operation_id="amendTask")
@needs(Scope.TASKS_WRITE)
async def set_priority(task_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Give the task another priority while it waits, and show it."""
    given = (await request.form()).get("priority")
    if given not in set(Priority):
        error = FieldError(detail="must be LOW, MEDIUM or HIGH", code="enum", pointer="#/priority")
        raise Problem(problems.VALIDATION_ERROR, "The priority is not valid.", errors=[error])
    await amend(task_id, {"priority": Priority(str(given))}, services, caller)
    return _to_task(request, task_id)


async def _lines(task_id: UUID, services: Services) -> Sequence[LogLine]:
    return await services.promptly(services.store.log_lines.latest(task_id, _MOST_LINES))


def _snippets(view: TaskView, request: Request, caller: Caller) -> dict[str, str]:
    """Commands for a task like this one, without what is hidden in the page."""
    if view.payload is None:
        return {}
    fields = {name: value for name, value in view.model_dump(mode="json").items() if name in _CLONED}
    fields["payload"] = masked(view.payload)
    base = str(request.base_url).rstrip("/")
    return snippets(base, body_like(fields), with_key=caller.key_id is not None)


def _to_task(request: Request, task_id: UUID) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/ui/tasks/{task_id}", status_code=HTTP_303_SEE_OTHER)
