"""The endpoints of tasks: create one or many, list, read, status."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from narad.api import each, idempotency, preferences
from narad.api.answers import json_answer, problem_answers
from narad.api.caller import Caller, caller_of, needs
from narad.api.each import BatchRoute, ItemsView
from narad.api.json_route import BodyRoute, JsonRoute
from narad.api.once import ONCE_ANSWERS, create_all_once, create_once
from narad.api.schemas import (
    StatusView,
    TaskBatch,
    TaskBatchView,
    TaskCreate,
    TaskView,
)
from narad.api.services import Services, UsesCaller, UsesServices, services_of
from narad.api.submission import as_stored, complete, complete_all
from narad.api.task_page import TaskPage, answer_page
from narad.api.task_query import TaskQuery
from narad.api.visible import shown, shown_new
from narad.api.waiting import created_answer, reading
from narad.domain.scopes import Scope
from narad.domain.task import NewTask

CREATED = status.HTTP_201_CREATED


_LINKS = {"Link": {"description": "The pages next, prev and first (RFC 8288).", "schema": {"type": "string"}}}
PREFIX = "/api/v1/tasks"

router = APIRouter(prefix=PREFIX, tags=["tasks"], route_class=JsonRoute)
creating = APIRouter(prefix=PREFIX, tags=["tasks"], route_class=BodyRoute)
creating_many = APIRouter(prefix=PREFIX, tags=["tasks"], route_class=BatchRoute)


@creating.post(
    "",
    operation_id="createTask",
    response_model=TaskView,
    status_code=CREATED,
    responses=problem_answers(400, 409, 413, 415) | ONCE_ANSWERS,
    openapi_extra={"parameters": [idempotency.PARAMETER, *preferences.CREATING]},
)
@needs(Scope.TASKS_WRITE, audited=False)
async def create_task(body: TaskCreate, request: Request) -> Response:
    """Create a task. When this answers, the task is stored and will be run, whatever happens to this service."""
    services, caller = services_of(request), caller_of(request)
    preferred = preferences.preferences_of(request)
    key = await idempotency.key_of(request)
    if key is not None or body.unique_key is not None:
        return await create_once(body, key, request)
    task = await services.promptly(_submitted(body, services, caller))
    services.created([task])
    return await created_answer(as_stored(task), request, preferred)


@creating_many.post(
    "/batch",
    operation_id="createTasks",
    response_model=TaskBatchView,
    status_code=CREATED,
    responses=problem_answers(400, 409, 413, 415)
    | {200: {"model": ItemsView, "description": "With `atomic=false`: what came of each item."}},
    openapi_extra={"parameters": [each.PARAMETER, idempotency.PARAMETER]},
)
@needs(Scope.TASKS_WRITE, audited=False)
async def create_tasks(body: TaskBatch, request: Request) -> Response:
    """Create up to 1 000 tasks: all of them or none, or with `atomic=false` each for itself."""
    services, caller = services_of(request), caller_of(request)
    key = await idempotency.key_of(request)
    if key is not None or any(item.unique_key is not None for item in body.items):
        return await create_all_once(body, key, request)
    tasks = await services.promptly(_submitted_at_once(body, services, caller))
    services.created(tasks)
    return json_answer(TaskBatchView(items=[shown_new(task, caller, services) for task in tasks]), CREATED)


@router.get(
    "", operation_id="listTasks", response_model=TaskPage, responses=problem_answers(400) | {200: {"headers": _LINKS}}
)
@needs(Scope.TASKS_READ)
async def list_tasks(
    query: Annotated[TaskQuery, Query()], request: Request, services: UsesServices, caller: UsesCaller
) -> Response:
    """List tasks by filters, sorted, in pages; without payloads, results and tracebacks, unless asked for."""
    return await answer_page(query, request, services, caller, PREFIX)


_READ: dict[int | str, dict[str, Any]] = {
    **problem_answers(400, 404),
    200: preferences.WAITED,
    304: {"description": "The task is as you have it."} | preferences.WAITED,
}
_READING = {"parameters": preferences.READING}


@router.get("/{task_id}", operation_id="getTask", response_model=TaskView, responses=_READ, openapi_extra=_READING)
@needs(Scope.TASKS_READ)
async def get_task(task_id: UUID, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Read one task: at once, or with `wait` when it has ended, or differs from what you have."""
    found = await reading(task_id, request, services)
    if found.unchanged:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=found.headers)
    return json_answer(shown(found.task, caller, services), status.HTTP_200_OK, found.headers)


@router.get(
    "/{task_id}/status",
    operation_id="getTaskStatus",
    response_model=StatusView,
    responses=_READ,
    openapi_extra=_READING,
)
@needs(Scope.TASKS_READ)
async def get_task_status(task_id: UUID, request: Request, services: UsesServices) -> Response:
    """Read where a task stands: at once, or with `wait` when it has ended, or differs from what you have."""
    found = await reading(task_id, request, services)
    if found.unchanged:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=found.headers)
    return json_answer(StatusView.model_validate(found.task), status.HTTP_200_OK, found.headers)


async def _submitted(body: TaskCreate, services: Services, caller: Caller) -> NewTask:
    return await services.submissions.submit(await complete(body, services, caller))


async def _submitted_at_once(body: TaskBatch, services: Services, caller: Caller) -> Sequence[NewTask]:
    return await services.store.tasks.insert(await complete_all(body.items, services, caller))
