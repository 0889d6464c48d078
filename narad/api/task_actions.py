"""What people do with a task that exists, whichever door they come through: cancel it, amend it, run it again."""

from collections.abc import Collection
from uuid import UUID

from narad.api import problems
from narad.api.answers import invalid_state, missing
from narad.api.caller import Caller
from narad.api.once import duplicate_task
from narad.api.problems import Problem
from narad.api.services import Services
from narad.api.visible import existing, see_existing
from narad.domain.amendment import Amendment, amended
from narad.domain.event import EventType
from narad.domain.status import Status
from narad.domain.task import Task, TaskSummary
from narad.errors import OverloadedError
from narad.store.submissions import DuplicatesError

_TRIES = 3


async def cancel(task_id: UUID, reason: str | None, services: Services, caller: Caller) -> Task:
    """Cancel a task: at once while it waits; while it runs its worker is asked, and the status follows.

    Raises:
        Problem: it is not there for this caller, or has ended otherwise.
    """
    await see_existing(task_id, services, caller)
    await services.promptly(services.handlers.refresh())
    now = services.clock.now()
    task = await services.promptly(services.store.tasks.cancel(task_id, now=now, reason=reason))
    if task is None:
        raise missing(task_id)
    if task.status in {Status.COMPLETED, Status.FAILED}:
        detail = f"Task {task_id} is {task.status} already; there is nothing left to cancel."
        raise invalid_state(task, detail, *allowed_actions(task))
    if task.status is not Status.CANCELLED:
        services.stop_requested(task)
        services.announce(EventType.CANCEL_REQUESTED, task)
    elif task.finished_at == now:  # cancelled by this very request
        services.tally.finished(task.handler, task.priority, Status.CANCELLED)
        services.announce(EventType.CANCELLED, task)
    return task


async def retry(task_id: UUID, services: Services, caller: Caller) -> Task:
    """Run a task again that is FAILED or CANCELLED, with its allowance of failures anew.

    Raises:
        Problem: it is not there for this caller, its status is another one, or an active task has its unique key.
    """
    await see_existing(task_id, services, caller)
    await services.promptly(services.handlers.refresh())
    try:
        task = await services.promptly(services.store.changes.retry(task_id, now=services.clock.now()))
    except DuplicatesError as error:
        raise duplicate_task(error.existing[0]) from None
    if task is None:
        found = await existing(task_id, services, caller)
        again = " Clone it to do its work once more." if found.status is Status.COMPLETED else ""
        detail = f"Task {task_id} is {found.status}; only what is FAILED or CANCELLED is run again.{again}"
        raise invalid_state(found, detail, *allowed_actions(found))
    services.moved(task)
    services.announce(EventType.RETRIED, task)
    return task


async def amend(
    task_id: UUID, changes: Amendment, services: Services, caller: Caller, *, expected: Collection[int] | None = None
) -> Task:
    """Change a task that waits: what is not given stays as it is. `expected` are the versions that it may have.

    Raises:
        Problem: it is not there for this caller, no longer waits, or has another version.
        OverloadedError: it changes all the time.
    """
    for _ in range(_TRIES):
        task = await existing(task_id, services, caller)
        if not task.status.is_waiting:
            detail = f"Task {task_id} is {task.status}; only a task that waits can be changed."
            raise invalid_state(task, detail, *allowed_actions(task))
        if expected is not None and task.version not in expected:
            detail = f"Task {task_id} has version {task.version} by now."
            raise Problem(problems.PRECONDITION_FAILED, detail, current_version=task.version)
        values = amended(task, changes, services.clock.now())
        written = await services.promptly(services.store.changes.amend(task, values)) if values else task
        if written is not None:
            if "due_at" in values:
                services.moved(written)
            if values:
                services.announce(EventType.AMENDED, written)
            return written
    raise OverloadedError(f"Task {task_id} changes all the time.")


def allowed_actions(task: TaskSummary) -> tuple[str, ...]:
    """What can be done with a task as it stands."""
    if task.status.is_waiting:
        return ("cancel", "amend", "clone")
    if task.status is Status.IN_PROGRESS:
        return ("cancel", "clone")
    return ("clone",) if task.status is Status.COMPLETED else ("retry", "clone")
