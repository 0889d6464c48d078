"""Tasks as far as a caller may see them: for some keys there are only those of some handlers, or no payloads."""

from uuid import UUID

from narad.api.answers import missing
from narad.api.caller import Caller
from narad.api.schemas import TaskView
from narad.api.services import Services
from narad.domain.task import Task

REDACTED = ("payload", "result")


def shown(task: Task, caller: Caller) -> TaskView:
    """The task as the caller may see it."""
    view = TaskView.model_validate(task)
    if caller.reads_payloads:
        return view
    return view.model_copy(update={"payload": None, "result": None, "redacted": REDACTED})


async def existing(task_id: UUID, services: Services, caller: Caller) -> Task:
    """The task.

    Raises:
        Problem: there is none of that id, for this caller.
    """
    task = await services.promptly(services.store.tasks.get(task_id))
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
