"""How an attempt ended, as a value: every return, exception, time limit, cancel and drain folds into one of these."""

from dataclasses import dataclass
from typing import TypeAlias

from narad.domain.task import Json, TaskError


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned `result`."""

    result: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed and is charged.

    `retry_after_seconds` is the handler's own wish for the wait; it counts only where `error.retryable`.
    """

    error: TaskError
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The attempt stopped because a person asked for it."""


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The handler asked to run later; not charged."""

    delay_seconds: float


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker gives the task back through no fault of the task; not charged."""

    reason: str
    delay_seconds: float = 0.0


def timed_out(limit_seconds: float | None) -> Failed:
    """The outcome of an attempt that reached its time limit."""
    message = f"The attempt ran longer than its limit of {limit_seconds} s."
    return Failed(error=TaskError(type="Timeout", message=message))


Outcome: TypeAlias = Completed | Failed | Cancelled | Snoozed | HandedBack
