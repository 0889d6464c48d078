"""Values that tests of the store and of dispatch are made of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from narad.domain.decide import Finish, PutBack
from narad.domain.log_line import LogLevel, LogLine
from narad.domain.status import Priority, Status
from narad.domain.task import ClaimedTask, HandOver, NewTask, TaskError
from narad.ids import new_id
from narad.store.workers import NewWorker

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
"""The hour at which tests of the store begin."""


def later(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def new_task(**fields: Any) -> NewTask:  # noqa: ANN401 - fields of NewTask
    """A task as submitted at NOW, with some fields of choice."""
    plain: dict[str, Any] = {
        "id": new_id(),
        "name": "a task",
        "description": None,
        "priority": Priority.MEDIUM,
        "handler": "demo.echo",
        "queue": "default",
        "payload": {},
        "tags": (),
        "created_at": NOW,
        "run_at": fields.get("created_at", NOW),
        "max_attempts": 3,
        "max_losses": 3,
        "timeout_seconds": None,
    }
    return NewTask(**plain | fields)


def new_worker(**fields: Any) -> NewWorker:  # noqa: ANN401 - fields of NewWorker
    """A worker as it registers itself."""
    plain: dict[str, Any] = {
        "id": new_id(),
        "host": "here",
        "pid": 1,
        "version": "0",
        "concurrency": 4,
        "queues": ("default",),
        "handlers": ("demo.echo",),
    }
    return NewWorker(**plain | fields)


def log_line(task_id: UUID, number: int, message: str = "text", *, attempt: int = 1) -> LogLine:
    """A line of a handler, logged `number` seconds after NOW."""
    return LogLine(
        task_id=task_id, attempt=attempt, number=number, at=later(number), level=LogLevel.WARNING, message=message
    )


def hand_over(task: NewTask, *, attempt: int = 0) -> HandOver:
    """A task on its way to dispatch."""
    return HandOver(
        id=task.id, queue=task.queue, priority=task.priority, status=Status.NEW, attempt=attempt, handovers=0
    )


def completed(task: ClaimedTask, result: Any = None, *, at: datetime = NOW) -> Finish:  # noqa: ANN401 - JSON
    """The decision of an attempt that completed."""
    return Finish(id=task.id, attempt=task.attempt, status=Status.COMPLETED, at=at, result=result)


def put_back(task: ClaimedTask, run_at: datetime, *, charge: int = 0, error: TaskError | None = None) -> PutBack:
    """The decision of an attempt after which the task goes on."""
    return PutBack(id=task.id, attempt=task.attempt, run_at=run_at, charge=charge, error=error)
