"""Tasks as far as a caller may see them: for some keys there are only those of some handlers, or no payloads."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from narad.api.answers import missing
from narad.api.caller import Caller
from narad.api.schemas import TaskView
from narad.api.services import Services
from narad.domain.redaction import redacted
from narad.domain.status import Status
from narad.domain.task import JsonObject, NewTask, Task

REDACTED = ("payload", "result")
_OF_NEW: Final = tuple(field.name for field in dataclasses.fields(NewTask) if field.name in TaskView.model_fields)
_AS_NEW: Final[Mapping[str, Any]] = {
    "status": Status.NEW,
    "version": 1,
    **dict.fromkeys(("attempt", "failures", "losses"), 0),
    **dict.fromkeys(("started_at", "finished_at", "cancel_requested_at", "cancel_reason", "worker_id")),
    **dict.fromkeys(("progress", "error", "result")),
}


def shown(task: Task, caller: Caller, services: Services) -> TaskView:
    """The task as the caller may see it; what its handler keeps to itself, nobody may."""
    return _cut(TaskView.model_validate(task), task, caller, services)


def shown_new(task: NewTask, caller: Caller, services: Services) -> TaskView:
    """The same of a task that was just stored. In a batch it counts that no row is made up for it."""
    view = TaskView.model_validate({**_AS_NEW, **{name: getattr(task, name) for name in _OF_NEW}})
    return _cut(view, task, caller, services)


def without_hidden(payload: JsonObject, hidden: Sequence[str]) -> dict[str, Any]:
    """What a view of a task has instead of its payload, where some of that is hidden."""
    payload, found = redacted(payload, hidden)
    return {"payload": payload, "redacted": tuple(f"payload.{path}" for path in found)}


async def read_to_show(task_id: UUID, services: Services) -> Task | None:
    """The task, once it is known what of it is hidden; None where there is none of that id."""
    await services.handlers.refresh()
    return await services.store.tasks.get(task_id)


async def existing(task_id: UUID, services: Services, caller: Caller) -> Task:
    """The task.

    Raises:
        Problem: there is none of that id, for this caller.
    """
    task = await services.promptly(read_to_show(task_id, services))
    if task is None or not caller.may_use(task.handler):
        raise missing(task_id)
    return task


async def see_existing(task_id: UUID, services: Services, caller: Caller) -> None:
    """Before a change of a task: see that it is there for this caller. For most keys the change itself finds out.

    Raises:
        Problem: there is none of that id, for this caller.
    """
    if caller.handlers:
        await existing(task_id, services, caller)


def _cut(view: TaskView, task: Task | NewTask, caller: Caller, services: Services) -> TaskView:
    if not caller.reads_payloads:
        return view.model_copy(update={"payload": None, "result": None, "redacted": REDACTED})
    hidden = services.handlers.hidden(task.handler)
    return view.model_copy(update=without_hidden(task.payload, hidden)) if hidden else view
