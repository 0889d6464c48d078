"""Handlers, queues, workers, statistics, keys and bulk operations, as the service shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeAlias, TypeVar

from narad.client.views import Count, Progress
from narad.client.words import Json, Priority, Status

T = TypeVar("T")

WorkerState: TypeAlias = Literal["online", "quiet", "draining", "lost", "stopped"]
Window: TypeAlias = Literal["5m", "1h", "24h"]
Role: TypeAlias = Literal["viewer", "operator", "developer", "admin"]
BulkAction: TypeAlias = Literal["cancel", "retry", "set_priority", "purge"]


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list, and the cursor of the next one; None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerVersion:
    """A version of a handler that a worker has published."""

    fingerprint: str
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerInfo:
    """A handler that workers offer, as its latest version has it."""

    name: str
    title: str | None
    description: str | None
    queue: str
    payload_schema: Mapping[str, Json]
    result_schema: Mapping[str, Json] | None
    options: Mapping[str, Json]
    versions: tuple[HandlerVersion, ...]
    offered: bool
    """Whether a living worker has it now."""
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The tasks of one priority in a queue."""

    waiting: Count
    delayed: Count
    oldest_age_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue: what waits in it and what runs."""

    name: str
    paused: bool
    paused_at: datetime | None
    paused_reason: str | None
    workers: int
    running: Count
    lanes: Mapping[Priority, Lane]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentTask:
    """A task that a worker runs."""

    id: str
    name: str
    handler: str
    attempt: int
    started_at: datetime
    progress: Progress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker process."""

    id: str
    name: str | None
    host: str
    pid: int
    version: str
    state: WorkerState
    queues: tuple[str, ...]
    handlers: tuple[str, ...]
    concurrency: int
    busy: int
    tasks: tuple[CurrentTask, ...]
    started_at: datetime
    heartbeat_at: datetime
    lease_expires_at: datetime
    stopped_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Estimates of durations in seconds; None where there were none."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What happened within a window."""

    created: int
    completed: int
    failed: int
    cancelled: int
    created_per_second: float
    finished_per_second: float
    wait_seconds: Percentiles
    run_seconds: Percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerFigures(Figures):
    """What happened to the tasks of one handler."""

    handler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How many tasks there are, and what happened of late."""

    window: Window
    since: datetime
    until: datetime
    statuses: Mapping[Status, Count]
    counted_since: datetime | None
    overall: Figures
    handlers: tuple[HandlerFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key, without its secret."""

    id: str
    name: str
    owner: str | None
    role: Role | None
    scopes: tuple[str, ...]
    state: str
    networks: tuple[str, ...]
    handlers: tuple[str, ...]
    rate_limit: str | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime
    last_used_at: datetime | None
    previous_until: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey(Key):
    """A key that was just issued."""

    key: str | None = field(default=None, repr=False)
    """What callers send, shown this once; None where an answer that had it was lost: rotate the key then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change, or the attempt at one."""

    id: str
    at: datetime
    actor: str
    key_id: str | None
    address: str | None
    action: str
    target: str | None
    filter: Mapping[str, Json] | None
    count: int | None
    outcome: str
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPreview:
    """What an operation would do at this moment; nothing was done."""

    would_change: Count
    by_status: Mapping[Status, Count]


@dataclass(frozen=True, eq=False, kw_only=True)
class BulkFields:
    """An operation on many tasks, and how far it has come."""

    id: str
    action: BulkAction
    priority: Priority | None
    reason: str | None
    status: str
    changed: int
    missed: int
    """Tasks that were no longer in a state for it when it came to them."""
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_final(self) -> bool:
        """Whether it has been carried out."""
        return self.finished_at is not None
