"""The task: what is submitted, what a list shows, what is stored, what a worker gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

from typing_extensions import TypeAliasType

from narad.domain.status import Priority, Status

Json = TypeAliasType("Json", "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None")
"""A value that JSON can express."""

JsonObject: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskError:
    """Why an attempt did not complete.

    `type` is a stable word for programs (an exception class or one of ours such as `Timeout`), `message` is for people.
    """

    type: str
    message: str
    traceback: str | None = None
    retryable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running attempt is: `value` from 0 to 1."""

    value: float
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task as submitted: complete, checked, and not yet stored.

    `run_at` in the future keeps it away from workers until then; not started by `expires_at`, it fails. No two active
    tasks have the same `unique_key`. `created_by` is the id of the API key that it was submitted with. A follow-up has
    the task that created it as its parent, which has no other with the same `spawn_key`.
    """

    id: UUID
    name: str
    description: str | None
    priority: Priority
    handler: str
    queue: str
    payload: JsonObject
    tags: tuple[str, ...]
    created_at: datetime
    run_at: datetime
    max_attempts: int
    max_losses: int
    timeout_seconds: float | None
    expires_at: datetime | None = None
    unique_key: str | None = None
    created_by: str | None = None
    parent_id: UUID | None = None
    spawn_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """A stored task without the parts that may be large: what a list shows."""

    id: UUID
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
    failures: int
    losses: int
    max_attempts: int
    max_losses: int
    timeout_seconds: float | None
    worker_id: UUID | None
    created_by: str | None
    parent_id: UUID | None
    progress: Progress | None
    error: TaskError | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(TaskSummary):
    """A stored task, whole."""

    payload: JsonObject
    result: Json


class Part(StrEnum):
    """What may be large in a task, so that a list leaves it out unless it is asked for."""

    PAYLOAD = "payload"
    RESULT = "result"
    TRACEBACK = "error.traceback"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTask(TaskSummary):
    """A task as a list shows it: with payload and result where they were asked for."""

    payload: JsonObject | None = None
    result: Json = None


class ClaimedTask(NamedTuple):
    """What a worker needs to run one attempt, due at `run_at`. `attempt` fences every later write of it.

    `payload` is the text of a JSON object: it goes from the store to the validation without being read on the way.
    """

    id: UUID
    attempt: int
    handler: str
    queue: str
    priority: Priority
    payload: str
    tags: tuple[str, ...]
    failures: int
    max_attempts: int
    timeout_seconds: float | None
    run_at: datetime
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """An attempt that failed, or whose worker was lost; kept as evidence."""

    attempt: int
    worker_id: UUID | None
    started_at: datetime | None
    finished_at: datetime
    error: TaskError


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A stored task on its way to dispatch: where it belongs, and which hand-over of which attempt this is."""

    id: UUID
    queue: str
    priority: Priority
    status: Status
    attempt: int
    handovers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A row that a worker owns, as its heartbeat reads it."""

    id: UUID
    attempt: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """An attempt that its worker should have ended and did not: past its deadline, or long asked to stop."""

    task: ClaimedTask
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One queue at one priority: what a broker queue carries."""

    queue: str
    priority: Priority


def seconds(value: float) -> timedelta:
    """The duration of so many seconds."""
    return timedelta(seconds=value)
