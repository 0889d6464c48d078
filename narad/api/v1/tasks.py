"""The endpoints of tasks: create one or many, list, read, cancel, status."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel

from narad.api import problems
from narad.api.json_route import BodyRoute, JsonRoute
from narad.api.pagination import decode_cursor, encode_cursor
from narad.api.problems import Problem
from narad.api.schemas import (
    StatusView,
    TaskBatch,
    TaskBatchView,
    TaskCreate,
    TaskPage,
    TaskQuery,
    TaskSummaryView,
    TaskView,
)
from narad.api.services import Services, UsesServices, services_of
from narad.api.submission import as_stored, complete, complete_all
from narad.domain.status import Status
from narad.domain.task import NewTask, Task
from narad.store.tasks import TaskFilter

CREATED = status.HTTP_201_CREATED


def _answers(*statuses: int) -> dict[int | str, dict[str, object]]:
    return {
        code: {"description": "A problem.", "content": {"application/problem+json": {"schema": _PROBLEM}}}
        for code in (*statuses, 422, 503)
    }


_PROBLEM = {"$ref": "#/components/schemas/ProblemView"}


PREFIX = "/api/v1/tasks"

router = APIRouter(prefix=PREFIX, tags=["tasks"], route_class=JsonRoute)
creating = APIRouter(prefix=PREFIX, tags=["tasks"], route_class=BodyRoute)


@creating.post(
    "", operation_id="createTask", response_model=TaskView, status_code=CREATED, responses=_answers(400, 413, 415)
)
async def create_task(body: TaskCreate, request: Request) -> Response:
    """Create a task. When this answers, the task is stored and will be run, whatever happens to this service."""
    services = services_of(request)
    task = await services.promptly(_submitted(body, services))
    services.created([task])
    place = f"{request.scope.get('root_path', '')}{PREFIX}/{task.id}"
    return _created(TaskView.model_validate(as_stored(task)), {"Location": place})


@creating.post(
    "/batch",
    operation_id="createTasks",
    response_model=TaskBatchView,
    status_code=CREATED,
    responses=_answers(400, 413, 415),
)
async def create_tasks(body: TaskBatch, request: Request) -> Response:
    """Create up to 1 000 tasks, all of them or none."""
    services = services_of(request)
    tasks = await services.promptly(_submitted_at_once(body, services))
    services.created(tasks)
    return _created(TaskBatchView(items=[TaskView.model_validate(as_stored(task)) for task in tasks]))


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
    return await services.submissions.submit(await complete(body, services))


async def _submitted_at_once(body: TaskBatch, services: Services) -> Sequence[NewTask]:
    return await services.store.tasks.insert(await complete_all(body.items, services))


def _created(view: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
    """The answer of a creating endpoint, made without the framework's second validation of what we made ourselves."""
    return Response(view.model_dump_json(), status_code=CREATED, headers=headers, media_type="application/json")


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
