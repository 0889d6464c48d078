"""The endpoints of tasks: create, list, read, cancel, status."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, status

from narad.api import problems
from narad.api.pagination import decode_cursor, encode_cursor
from narad.api.problems import FieldError, Problem
from narad.api.schemas import StatusView, TaskCreate, TaskPage, TaskQuery, TaskSummaryView, TaskView
from narad.api.services import Services, UsesServices
from narad.domain.status import Status
from narad.domain.storable import NotStorableError, check_json
from narad.domain.task import JsonObject, NewTask, Task, seconds
from narad.ids import new_id
from narad.store.tasks import TaskFilter


def _answers(*statuses: int) -> dict[int | str, dict[str, object]]:
    return {
        code: {"description": "A problem.", "content": {"application/problem+json": {"schema": _PROBLEM}}}
        for code in (*statuses, 422, 503)
    }


_PROBLEM = {"$ref": "#/components/schemas/ProblemView"}


async def _is_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(problems.UNSUPPORTED_MEDIA_TYPE, f"Content-Type is {media_type or 'missing'}.")


router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])


@router.post(
    "",
    operation_id="createTask",
    status_code=status.HTTP_201_CREATED,
    dependencies=[Depends(_is_json)],
    responses=_answers(400, 413, 415),
)
async def create_task(body: TaskCreate, services: UsesServices, request: Request, response: Response) -> TaskView:
    """Create a task. When this answers, the task is stored and will be run, whatever happens to this service."""
    task = await services.promptly(_submitted(body, services))
    services.created([task])
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/api/v1/tasks/{task.id}"
    return TaskView.model_validate(_as_stored(task))


@router.get("", operation_id="listTasks", responses=_answers(400))
async def list_tasks(query: Annotated[TaskQuery, Query()], services: UsesServices) -> TaskPage:
    """List tasks, the newest first, without payloads and results."""
    before = None if query.cursor is None else decode_cursor(query.cursor, query)
    found = await services.promptly(services.store.tasks.find(_filter(query), before=before, limit=query.limit + 1))
    page = found[: query.limit]
    return TaskPage(
        items=[TaskSummaryView.model_validate(task) for task in page],
        next_cursor=encode_cursor(page[-1].id, query) if len(found) > query.limit else None,
    )


@router.get("/{task_id}", operation_id="getTask", responses=_answers(404))
async def get_task(task_id: UUID, services: UsesServices) -> TaskView:
    """Read one task."""
    return TaskView.model_validate(await _existing(task_id, services))


@router.get("/{task_id}/status", operation_id="getTaskStatus", responses=_answers(404))
async def get_task_status(task_id: UUID, services: UsesServices) -> StatusView:
    """Read where a task stands."""
    return StatusView.model_validate(await _existing(task_id, services))


@router.delete(
    "/{task_id}",
    operation_id="cancelTask",
    responses=_answers(404, 409)
    | {202: {"model": TaskView, "description": "The task is running; its worker was asked to stop it."}},
)
async def cancel_task(task_id: UUID, services: UsesServices, response: Response) -> TaskView:
    """Cancel a task: at once while it waits; while it runs its worker is asked, and the status follows."""
    task = await services.promptly(services.store.tasks.cancel(task_id, now=services.clock.now()))
    if task is None:
        raise _missing(task_id)
    if task.status in {Status.COMPLETED, Status.FAILED}:
        detail = f"Task {task_id} is {task.status} already; there is nothing left to cancel."
        raise Problem(problems.INVALID_STATE, detail, current_status=task.status, allowed_actions=[])
    if task.status is not Status.CANCELLED:
        services.stop_requested(task)
        response.status_code = status.HTTP_202_ACCEPTED
    return TaskView.model_validate(task)


async def _submitted(body: TaskCreate, services: Services) -> NewTask:
    return await services.submissions.submit(await _complete(body, services))


async def _complete(body: TaskCreate, services: Services) -> NewTask:
    """The task that a body asks for, with what it leaves to the handler and to the settings."""
    payload: JsonObject = body.payload
    try:
        check_json(payload)
    except NotStorableError as error:
        field = FieldError(detail=error.reason, code="not_storable", pointer=problems.pointer(["payload", *error.path]))
        raise Problem(problems.VALIDATION_ERROR, "1 field is not valid.", errors=[field]) from error
    handler = await services.handlers.accept(body.handler or services.defaults.handler, payload)
    options = handler.options
    now = services.clock.now()
    run_at = now if body.run_at is None else max(now, body.run_at)
    return NewTask(
        id=new_id(),
        name=body.name,
        description=body.description,
        priority=body.priority,
        handler=handler.name,
        queue=body.queue or handler.queue,
        payload=payload,
        tags=tuple(body.tags),
        created_at=now,
        run_at=run_at,
        expires_at=None if body.expires_in_seconds is None else run_at + seconds(body.expires_in_seconds),
        max_attempts=body.max_attempts
        or cast("int | None", options.get("max_attempts"))
        or services.defaults.max_attempts,
        max_losses=services.defaults.max_losses if body.max_losses is None else body.max_losses,
        timeout_seconds=body.timeout_seconds or cast("float | None", options.get("timeout_seconds")),
    )


def _as_stored(task: NewTask) -> Task:
    """The row of a task that was just inserted, without reading it back."""
    return Task(
        id=task.id,
        name=task.name,
        description=task.description,
        priority=task.priority,
        status=Status.NEW,
        handler=task.handler,
        queue=task.queue,
        tags=task.tags,
        created_at=task.created_at,
        run_at=task.run_at,
        expires_at=task.expires_at,
        started_at=None,
        finished_at=None,
        cancel_requested_at=None,
        attempt=0,
        failures=0,
        losses=0,
        max_attempts=task.max_attempts,
        max_losses=task.max_losses,
        timeout_seconds=task.timeout_seconds,
        worker_id=None,
        progress=None,
        error=None,
        version=1,
        payload=task.payload,
        result=None,
    )


def _filter(query: TaskQuery) -> TaskFilter:
    return TaskFilter(
        status=tuple(query.status),
        priority=tuple(query.priority),
        handler=tuple(query.handler),
        queue=tuple(query.queue),
        tag=tuple(query.tag),
        name=query.name,
        created_after=query.created_after,
        created_before=query.created_before,
    )


async def _existing(task_id: UUID, services: Services) -> Task:
    task = await services.promptly(services.store.tasks.get(task_id))
    if task is None:
        raise _missing(task_id)
    return task


def _missing(task_id: UUID) -> Problem:
    return Problem(problems.NOT_FOUND, f"There is no task {task_id}.")
