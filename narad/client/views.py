"""Tasks and what belongs to them, as the service shows them. Times are aware, ids are texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from narad.client.words import FINAL, Json, Priority, Status

AttemptOutcome: TypeAlias = Literal["RUNNING", "COMPLETED", "FAILED", "LOST", "CANCELLED", "PUT_BACK"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is, from 0 to 1."""

    value: float
    message: str | None


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why the latest attempt failed, or why the task ended without a result."""

    type: str
    message: str
    retryable: bool
    traceback: str | None = None
    """Missing in lists."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskFields:
    """What the service says of a task."""

    id: str
    name: str
    description: str | None
    priority: Priority
    status: Status
    handler: str
    queue: str
    unique_key: str | None
    tags: tuple[str, ...]
    created_at: datetime
    run_at: datetime
    expires_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    attempt: int
    """Executions so far; only grows."""
    failures: int
    losses: int
    max_attempts: int
    max_losses: int
    timeout_seconds: float | None
    worker_id: str | None
    """The worker that runs it, or ran it last."""
    created_by: str | None
    progress: Progress | None
    error: TaskError | None
    version: int
    """Grows with every change."""
    payload: Mapping[str, Json] | None = None
    """Missing in lists, unless asked for."""
    raw_result: Json = field(default=None, metadata={"key": "result"})
    """What the handler returned, as JSON; the method `result` waits for it."""
    redacted: tuple[str, ...] = ()
    """What is missing because the key may not read it."""

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """Where a task stands."""

    id: str
    status: Status
    progress: Progress | None
    version: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One execution of a task."""

    attempt: int
    outcome: AttemptOutcome
    worker_id: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error: TaskError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """What a handler said about its task."""

    attempt: int
    number: int
    at: datetime
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    message: str | None
    """None where the key may not read payloads."""

    @property
    def place(self) -> str:
        """What to give as `after` for the lines that follow."""
        return f"{self.attempt}.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many there are: exactly `value`, or, with the relation `gte`, at least that many."""

    value: int
    relation: Literal["eq", "gte"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A hint that a task changed: read the task to learn more. What is None was not known where it was told.

    The type `resync` says that events are missing: read again what you show. It is of no task.
    """

    type: str
    at: datetime | None = None
    task_id: str | None = None
    status: Status | None = None
    priority: Priority | None = None
    handler: str | None = None
    queue: str | None = None
    attempt: int | None = None
    version: int | None = None
    place: str | None = None
    """Where in the stream it stands; `client.events(after=…)` goes on behind it."""

    @property
    def is_resync(self) -> bool:
        """Whether it says that events are missing."""
        return self.type == "resync"

    @property
    def is_final(self) -> bool:
        """Whether its task has ended."""
        return self.type in {"task.completed", "task.failed", "task.cancelled"}
