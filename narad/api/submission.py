"""From a body to a task: what it leaves out is filled in, what could not run is refused."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from narad.api import problems
from narad.api.caller import Caller, not_of_your_handlers
from narad.api.problems import FieldError, Problem
from narad.api.schemas import TaskCreate
from narad.api.services import Services
from narad.domain.status import Priority, Status
from narad.domain.storable import NotStorableError, check_json
from narad.domain.task import JsonObject, NewTask, Task, seconds
from narad.ids import new_id
from narad.store.catalogue import CatalogueEntry

_MOST_ERRORS = 100
"""Errors that one answer names; who sends a thousand bad items learns enough from the first."""


async def complete(body: TaskCreate, services: Services, caller: Caller, now: datetime | None = None) -> NewTask:
    """The task that a body asks for, with what it leaves to the handler and to the settings; created `now`, if given.

    Raises:
        Problem: the caller's key is not for the handler, the payload cannot be stored, no worker offers the handler, or
            the payload does not fit it.
        OverloadedError: as many tasks wait as may.
    """
    name = body.handler or services.defaults.handler
    if not caller.may_use(name):
        raise not_of_your_handlers(name)
    await services.high_water.check()
    try:
        check_json(body.payload)
    except NotStorableError as error:
        field = FieldError(detail=error.reason, code="not_storable", pointer=problems.pointer(["payload", *error.path]))
        raise Problem(problems.VALIDATION_ERROR, "1 field is not valid.", errors=[field]) from error
    handler = await services.handlers.accept(name, body.payload)
    return _new_task(body, handler, services, caller, now or services.clock.now())


async def complete_all(bodies: Sequence[TaskCreate], services: Services, caller: Caller) -> list[NewTask]:
    """The tasks that the items of a batch ask for.

    Raises:
        Problem: some items are refused; each error points to its item. Or the caller's key is not for a handler.
    """
    tasks: list[NewTask] = []
    errors: list[FieldError] = []
    now = services.clock.now()
    for index, body in enumerate(bodies):
        try:
            tasks.append(await complete(body, services, caller, now))
        except Problem as problem:
            if problem.kind is problems.FORBIDDEN:
                raise
            errors += of_item(index, problem).errors
    if errors:
        refused = len(bodies) - len(tasks)
        detail = f"{refused} of {len(bodies)} items are not valid; no task was created."
        raise Problem(problems.VALIDATION_ERROR, detail, errors=errors[:_MOST_ERRORS])
    return tasks


def of_item(index: int, problem: Problem) -> Problem:
    """The same problem, its errors seen from the body of the batch."""
    errors = [
        dataclasses.replace(
            error, pointer=f"{problems.pointer(['items', index])}{(error.pointer or '#').removeprefix('#')}"
        )
        for error in problem.errors
    ]
    return Problem(problem.kind, problem.detail, errors=errors, headers=problem.headers, **problem.more)


def as_stored(task: NewTask) -> Task:
    """The row of a task that was just inserted, without reading it back."""
    return Task(
        id=task.id,
        name=task.name,
        description=task.description,
        priority=task.priority,
        status=Status.NEW,
        handler=task.handler,
        queue=task.queue,
        unique_key=task.unique_key,
        tags=task.tags,
        created_at=task.created_at,
        run_at=task.run_at,
        expires_at=task.expires_at,
        started_at=None,
        finished_at=None,
        cancel_requested_at=None,
        cancel_reason=None,
        attempt=0,
        failures=0,
        losses=0,
        max_attempts=task.max_attempts,
        max_losses=task.max_losses,
        timeout_seconds=task.timeout_seconds,
        worker_id=None,
        created_by=task.created_by,
        parent_id=task.parent_id,
        progress=None,
        error=None,
        version=1,
        payload=task.payload,
        result=None,
    )


def _new_task(body: TaskCreate, handler: CatalogueEntry, services: Services, caller: Caller, now: datetime) -> NewTask:
    options: JsonObject = handler.options
    run_at = now if body.run_at is None else max(now, body.run_at)
    wait = body.expires_in_seconds or cast("float | None", options.get("expires_in_seconds"))
    return NewTask(
        id=new_id(),
        name=body.name,
        description=body.description,
        priority=_priority(body, options),
        handler=handler.name,
        queue=body.queue or handler.queue,
        payload=body.payload,
        tags=tuple(body.tags),
        created_at=now,
        run_at=run_at,
        expires_at=None if wait is None else run_at + seconds(wait),
        max_attempts=body.max_attempts
        or cast("int | None", options.get("max_attempts"))
        or services.defaults.max_attempts,
        max_losses=services.defaults.max_losses if body.max_losses is None else body.max_losses,
        timeout_seconds=body.timeout_seconds or cast("float | None", options.get("timeout_seconds")),
        unique_key=body.unique_key,
        created_by=caller.key_id,
    )


def _priority(body: TaskCreate, options: JsonObject) -> Priority:
    """What the body says; the handler's own where it says nothing."""
    if "priority" in body.model_fields_set:
        return body.priority
    return Priority(cast("str | None", options.get("priority")) or body.priority)
