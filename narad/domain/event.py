"""Events: hints that a task changed. Whoever gets one reads the task again; nothing is decided by an event alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from narad.domain.decide import Decision, Finish
from narad.domain.status import Priority, Status
from narad.domain.task import ClaimedTask, HandOver, NewTask, Task


class EventType(StrEnum):
    """What happened to a task."""

    CREATED = "task.created"
    PENDING = "task.pending"
    STARTED = "task.started"
    PROGRESS = "task.progress"
    LOG = "task.log"
    COMPLETED = "task.completed"
    FAILED = "task.failed"
    CANCEL_REQUESTED = "task.cancel_requested"
    CANCELLED = "task.cancelled"
    RETRIED = "task.retried"
    AMENDED = "task.amended"


OF_STATUS = {
    Status.NEW: EventType.CREATED,
    Status.PENDING: EventType.PENDING,
    Status.IN_PROGRESS: EventType.STARTED,
    Status.COMPLETED: EventType.COMPLETED,
    Status.FAILED: EventType.FAILED,
    Status.CANCELLED: EventType.CANCELLED,
}
"""What must have happened to a task that was found with this status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """A hint: what happened to which task, and of the task as much as was at hand; None is not known.

    Never a payload or a result: who may see an event need not be one who may see those.
    """

    type: EventType
    id: UUID
    at: datetime
    status: Status | None = None
    priority: Priority | None = None
    handler: str | None = None
    queue: str | None = None
    attempt: int | None = None
    version: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether the task has ended with it."""
        return self.status is not None and self.status.is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a task stands, as far as it tells whether anything happened."""

    id: UUID
    status: Status
    priority: Priority
    handler: str
    queue: str
    attempt: int
    version: int


def of_new(task: NewTask) -> TaskEvent:
    """A task was created."""
    return TaskEvent(
        type=EventType.CREATED,
        id=task.id,
        at=task.created_at,
        status=Status.NEW,
        priority=task.priority,
        handler=task.handler,
        queue=task.queue,
        attempt=0,
        version=1,
    )


def of_task(type_: EventType, task: Task | Mark, at: datetime) -> TaskEvent:
    """Something happened to a task that was just read or written."""
    return TaskEvent(
        type=type_,
        id=task.id,
        at=at,
        status=task.status,
        priority=task.priority,
        handler=task.handler,
        queue=task.queue,
        attempt=task.attempt,
        version=task.version,
    )


def of_handed_over(task: HandOver, at: datetime) -> TaskEvent:
    """A task was handed to dispatch and marked PENDING."""
    return TaskEvent(
        type=EventType.PENDING,
        id=task.id,
        at=at,
        status=Status.PENDING,
        priority=task.priority,
        queue=task.queue,
        attempt=task.attempt,
    )


def of_running(type_: EventType, task: ClaimedTask, at: datetime) -> TaskEvent:
    """An attempt was started, told of its progress, or logged lines."""
    return TaskEvent(
        type=type_,
        id=task.id,
        at=at,
        status=Status.IN_PROGRESS,
        priority=task.priority,
        handler=task.handler,
        queue=task.queue,
        attempt=task.attempt,
    )


def of_decision(decision: Decision, task: ClaimedTask | None, at: datetime) -> TaskEvent:
    """An attempt ended; `task` is what was claimed, where it is at hand."""
    status = decision.status if isinstance(decision, Finish) else Status.PENDING
    return TaskEvent(
        type=OF_STATUS[status],
        id=decision.id,
        at=at,
        status=status,
        priority=None if task is None else task.priority,
        handler=None if task is None else task.handler,
        queue=None if task is None else task.queue,
        attempt=decision.attempt,
    )


def of_decisions(
    decisions: Sequence[Decision], written: Sequence[bool], tasks: Sequence[ClaimedTask | None], at: datetime
) -> list[TaskEvent]:
    """The events of those decisions that were written; each with what was claimed, where it is at hand."""
    return [
        of_decision(decision, task, at)
        for decision, was_written, task in zip(decisions, written, tasks, strict=True)
        if was_written
    ]
