"""The one place that turns an outcome into what happens to the task."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from narad.domain.outcome import Cancelled, Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.retry import RetryPolicy, draw
from narad.domain.status import Status
from narad.domain.task import ClaimedTask, Json, Progress, TaskError, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The attempt ends the task, with a final status."""

    id: UUID
    attempt: int
    status: Status
    at: datetime
    result: Json = None
    error: TaskError | None = None
    charge: int = 0
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """The attempt ends, the task goes on: PENDING, not before `run_at`. `charge` is 1 for a failed attempt, else 0."""

    id: UUID
    attempt: int
    run_at: datetime
    charge: int = 0
    error: TaskError | None = None
    progress: Progress | None = None


Decision: TypeAlias = Finish | PutBack

DEFAULT_POLICY = RetryPolicy()
CANCELLED_ERROR = TaskError(type="Cancelled", message="The task was cancelled on request.", retryable=False)


def decide(task: ClaimedTask, outcome: Outcome, now: datetime, policy: RetryPolicy = DEFAULT_POLICY) -> Decision:
    """What becomes of `task` after its current attempt ended with `outcome` at `now`."""
    match outcome:
        case Completed(result):
            return Finish(id=task.id, attempt=task.attempt, status=Status.COMPLETED, at=now, result=result)
        case Cancelled():
            return Finish(id=task.id, attempt=task.attempt, status=Status.CANCELLED, at=now, error=CANCELLED_ERROR)
        case Snoozed(delay) | HandedBack(_, delay):
            return PutBack(id=task.id, attempt=task.attempt, run_at=now + seconds(delay))
        case Failed():
            return _after_failure(task, outcome, now, policy)


def _after_failure(task: ClaimedTask, outcome: Failed, now: datetime, policy: RetryPolicy) -> Decision:
    failures = task.failures + 1
    if not outcome.error.retryable or failures >= task.max_attempts:
        return Finish(id=task.id, attempt=task.attempt, status=Status.FAILED, at=now, error=outcome.error, charge=1)
    delay = outcome.retry_after_seconds
    if delay is None:
        delay = policy.delay_seconds(failures, draw(task.id, task.attempt))
    return PutBack(id=task.id, attempt=task.attempt, run_at=now + seconds(delay), charge=1, error=outcome.error)
