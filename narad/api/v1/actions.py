"""What people do with a task that exists: cancel, amend, run again, clone; and what it left: result and attempts."""

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Body, Header, Request, Response, status
from fastapi.responses import JSONResponse

from narad.api import idempotency, problems
from narad.api.answers import invalid_state, problem_answers
from narad.api.attempts import AttemptsView, attempts_of
from narad.api.caller import Caller, needs
from narad.api.changes import TaskAmend, TaskCancel, TaskClone, cloned
from narad.api.json_route import JsonRoute
from narad.api.once import ONCE_ANSWERS, create_once
from narad.api.preconditions import FORM, IF_MATCH, expected_version
from narad.api.preferences import CREATING, TAGGED, etag
from narad.api.problems import Problem
from narad.api.schemas import TaskView
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.task_actions import allowed_actions, amend, cancel, retry
from narad.api.visible import existing, shown
from narad.domain.amendment import Amendment
from narad.domain.scopes import Scope
from narad.domain.status import FINAL, Status
from narad.domain.task import Task

router = APIRouter(prefix="/api/v1/tasks/{task_id}", tags=["tasks"], route_class=JsonRoute)

_STOPPING: dict[int | str, dict[str, Any]] = {
    200: TAGGED,
    202: {"model": TaskView, "description": "The task is running; its worker was asked to stop it."} | TAGGED,
}
CREATED = status.HTTP_201_CREATED


@router.delete("", operation_id="cancelTask", responses=problem_answers(404, 409) | _STOPPING)
@needs(Scope.TASKS_CANCEL)
async def cancel_task(task_id: UUID, services: UsesServices, caller: UsesCaller, response: Response) -> TaskView:
    """Cancel a task: at once while it waits; while it runs its worker is asked, and the status follows."""
    return _stopping(await cancel(task_id, None, services, caller), caller, response, services)


@router.post(
    "/cancel", operation_id="cancelTaskWithReason", responses=problem_answers(400, 404, 409, 413, 415) | _STOPPING
)
@needs(Scope.TASKS_CANCEL)
async def cancel_task_with_reason(
    task_id: UUID,
    services: UsesServices,
    caller: UsesCaller,
    response: Response,
    body: TaskCancel | None = None,
) -> TaskView:
    """Cancel a task as DELETE does, and say why."""
    reason = None if body is None else body.reason
    return _stopping(await cancel(task_id, reason, services, caller), caller, response, services)


@router.patch("", operation_id="amendTask", responses=problem_answers(400, 404, 409, 412, 413, 415) | {200: TAGGED})
@needs(Scope.TASKS_WRITE)
async def amend_task(
    task_id: UUID,
    body: Annotated[TaskAmend, Body()],
    services: UsesServices,
    caller: UsesCaller,
    response: Response,
    if_match: Annotated[str | None, Header(description=IF_MATCH, json_schema_extra=FORM)] = None,
) -> TaskView:
    """Change a task that waits: what is not given stays as it is."""
    written = await amend(task_id, cast("Amendment", body), services, caller, expected=expected_version(if_match))
    response.headers["ETag"] = etag(written.version)
    return shown(written, caller, services)


@router.post("/retry", operation_id="retryTask", responses=problem_answers(404, 409) | {200: TAGGED})
@needs(Scope.TASKS_RETRY)
async def retry_task(task_id: UUID, services: UsesServices, caller: UsesCaller, response: Response) -> TaskView:
    """Run a task again that is FAILED or CANCELLED, with its allowance of failures anew."""
    task = await retry(task_id, services, caller)
    response.headers["ETag"] = etag(task.version)
    return shown(task, caller, services)


@router.post(
    "/clone",
    operation_id="cloneTask",
    response_model=TaskView,
    status_code=CREATED,
    responses=problem_answers(400, 404, 409, 413, 415) | ONCE_ANSWERS,
    openapi_extra={"parameters": [idempotency.PARAMETER, *CREATING]},
)
@needs(Scope.TASKS_WRITE, audited=False)
async def clone_task(
    task_id: UUID,
    request: Request,
    services: UsesServices,
    caller: UsesCaller,
    body: Annotated[TaskClone | None, Body()] = None,
) -> Response:
    """Create a task like this one, but for what the body gives. `run_at` and `unique_key` are not taken over."""
    given = cloned(await existing(task_id, services, caller), body)
    return await create_once(given, await idempotency.key_of(request), request)


@router.get(
    "/result",
    operation_id="getTaskResult",
    response_class=JSONResponse,
    responses=problem_answers(404, 409)
    | {200: {"description": "What the handler returned.", "content": {"application/json": {"schema": {}}}}},
)
@needs(Scope.TASKS_PAYLOAD_READ)
async def get_task_result(task_id: UUID, services: UsesServices, caller: UsesCaller) -> JSONResponse:
    """Read the result alone, as the handler returned it."""
    task = await existing(task_id, services, caller)
    if task.status is Status.COMPLETED:
        return JSONResponse(task.result)
    if task.status in FINAL:
        why = "" if task.error is None else f": {task.error.type}"
        raise Problem(problems.NO_RESULT, f"Task {task_id} ended {task.status}{why}.", current_status=task.status)
    raise invalid_state(task, f"Task {task_id} is {task.status}; it has no result yet.", *allowed_actions(task))


@router.get("/attempts", operation_id="listTaskAttempts", responses=problem_answers(404))
@needs(Scope.TASKS_READ)
async def list_task_attempts(task_id: UUID, services: UsesServices, caller: UsesCaller) -> AttemptsView:
    """List the attempts that are known, the first first: those that failed or lost their worker, and the latest."""
    task = await existing(task_id, services, caller)
    return attempts_of(task, await services.promptly(services.store.attempts.history(task_id)))


def _stopping(task: Task, caller: Caller, response: Response, services: Services) -> TaskView:
    response.headers["ETag"] = etag(task.version)
    if task.status is not Status.CANCELLED:
        response.status_code = status.HTTP_202_ACCEPTED
    return shown(task, caller, services)
