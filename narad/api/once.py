"""Creating tasks that may be there already: requests with an idempotency key, tasks with a unique key."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import Request, Response, status

from narad.api import idempotency, problems
from narad.api.answers import json_answer
from narad.api.caller import Caller, caller_of
from narad.api.preferences import CREATED, preferences_of
from narad.api.problems import FieldError, Problem
from narad.api.schemas import TaskBatch, TaskBatchView, TaskCreate, TaskView
from narad.api.services import Services, services_of
from narad.api.submission import as_stored, complete, complete_all
from narad.api.visible import read_to_show, shown
from narad.api.waiting import created_answer
from narad.domain.submission import Created, Duplicate, IdempotencyKey, KeyReused, Replayed, Submission, Submitted
from narad.domain.task import Task
from narad.store.submissions import DuplicatesError

ONCE_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: CREATED,
    200: {
        "model": TaskView,
        "description": "An active task has the unique key, and `on_conflict` allows it.",
        **CREATED,
    },
}
"""What `create_once` answers, for the document."""

_REPLAYED = {idempotency.REPLAYED: "true"}


async def create_once(body: TaskCreate, key: IdempotencyKey | None, request: Request) -> Response:
    """The answer to a request for a task that is created unless it is there already.

    Raises:
        Problem: the key came with another body, an active task has the unique key, or the body is refused.
    """
    services, caller, preferences = services_of(request), caller_of(request), preferences_of(request)
    result = await services.promptly(submitted(body, key, services, caller))
    match result:
        case Created(task):
            services.created([task])
            return await created_answer(as_stored(task), request, preferences)
        case Replayed((task_id, *_)):
            found = await read_made(task_id, services, caller)
            return await created_answer(found, request, preferences, _REPLAYED)
        case Duplicate(task_id) if body.on_conflict == "return_existing":
            found = await read_made(task_id, services, caller)
            return await created_answer(found, request, preferences, code=status.HTTP_200_OK)
        case Duplicate(task_id):
            raise duplicate_task(task_id)
        case _:
            raise idempotency.reused()


async def create_all_once(body: TaskBatch, key: IdempotencyKey | None, request: Request) -> Response:
    """The answer to a request for tasks that are created, all or none, unless they are there already.

    Raises:
        Problem: as above, with a pointer to each item.
    """
    services, caller = services_of(request), caller_of(request)
    try:
        results = await services.promptly(_submitted_together(body, key, services, caller))
    except DuplicatesError as error:
        raise _duplicates(error) from None
    match results:
        case KeyReused():
            raise idempotency.reused()
        case Replayed(task_ids):
            return _many(
                [await read_made(task_id, services, caller) for task_id in task_ids], services, caller, _REPLAYED
            )
        case _:
            services.created([result.task for result in results if isinstance(result, Created)])
            return _many([await _stored(result, services, caller) for result in results], services, caller)


def duplicate_task(task_id: UUID) -> Problem:
    """The problem of a unique key that an active task has."""
    detail = f"Task {task_id} waits or runs with the same unique_key."
    return Problem(problems.DUPLICATE_TASK, detail, existing_task=str(task_id))


async def submitted(body: TaskCreate, key: IdempotencyKey | None, services: Services, caller: Caller) -> Submitted:
    """What became of a task that is created unless it is there already.

    Raises:
        Problem: the body is refused.
    """
    return await services.unique_submissions.submit(Submission(await complete(body, services, caller), key))


async def _submitted_together(
    body: TaskBatch, key: IdempotencyKey | None, services: Services, caller: Caller
) -> Sequence[Submitted] | Replayed | KeyReused:
    tasks = await complete_all(body.items, services, caller)
    batch = [
        Submission(task, may_exist=item.on_conflict == "return_existing")
        for task, item in zip(tasks, body.items, strict=True)
    ]
    return await services.store.submissions.submit_together(batch, key)


async def _stored(result: Submitted, services: Services, caller: Caller) -> Task:
    match result:
        case Created(task):
            return as_stored(task)
        case Duplicate(task_id):
            return await read_made(task_id, services, caller)
        case _:
            raise TypeError(result)  # an item of a batch has no key of its own


async def read_made(task_id: UUID, services: Services, caller: Caller) -> Task:
    """The task that an earlier request made.

    Raises:
        Problem: it was removed since, or is not for this caller.
    """
    task = await services.promptly(read_to_show(task_id, services))
    if task is None or not caller.may_use(task.handler):
        raise Problem(problems.NOT_FOUND, f"Task {task_id}, which this request made before, was removed since.")
    return task


def _many(tasks: Sequence[Task], services: Services, caller: Caller, headers: dict[str, str] | None = None) -> Response:
    view = TaskBatchView(items=[shown(task, caller, services) for task in tasks])
    return json_answer(view, status.HTTP_201_CREATED, headers)


def _duplicates(error: DuplicatesError) -> Problem:
    errors = [
        FieldError(
            detail=f"task {task_id} waits or runs with the same key",
            code="duplicate",
            pointer=problems.pointer(["items", index, "unique_key"]),
        )
        for index, task_id in error.existing.items()
    ]
    detail = f"{len(errors)} items are there already; no task was created."
    return Problem(problems.DUPLICATE_TASK, detail, errors=errors)
