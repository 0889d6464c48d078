"""The words of the service as types: statuses, priorities, JSON, and what callers may say about tasks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, TypedDict

Json: TypeAlias = Any
"""Whatever JSON can say; what it is, only the handler knows."""
JsonObject: TypeAlias = Mapping[str, Json]

Status: TypeAlias = Literal["NEW", "PENDING", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED"]
Priority: TypeAlias = Literal["LOW", "MEDIUM", "HIGH"]
OnConflict: TypeAlias = Literal["reject", "return_existing"]
Seconds: TypeAlias = float | timedelta
Moment: TypeAlias = datetime | str
"""An aware time, or what the service reads as one, such as `-24h` in a filter."""

FINAL: frozenset[str] = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


class TaskOptions(TypedDict, total=False):
    """What may be said about a task beside its handler and payload; what is left out is up to the service."""

    name: str
    description: str | None
    priority: Priority
    queue: str
    tags: Iterable[str]
    run_at: Moment
    delay: Seconds
    timeout: Seconds
    max_attempts: int
    max_losses: int
    expires_in: Seconds
    unique_key: str
    on_conflict: OnConflict


class CreateOptions(TaskOptions, total=False):
    """The same, and how to ask for it."""

    idempotency_key: str
    wait: Seconds


class CloneOptions(TaskOptions, total=False):
    """What a clone does not take over from its model."""

    handler: str
    payload: Mapping[str, object]
    idempotency_key: str


class TaskChanges(TypedDict, total=False):
    """What can be changed of a task that waits; what is left out stays."""

    name: str
    description: str | None
    priority: Priority
    tags: Iterable[str]
    run_at: Moment
    delay: Seconds


class TaskFilter(TypedDict, total=False):
    """Which tasks are meant. Several values are alternatives, different fields add up."""

    status: Status | Sequence[Status]
    priority: Priority | Sequence[Priority]
    handler: str | Sequence[str]
    queue: str | Sequence[str]
    worker: str | Sequence[str]
    tag: str | Sequence[str]
    id: str | Sequence[str]
    name: str
    q: str
    error_type: str
    has_error: bool
    created_after: Moment
    created_before: Moment
    started_after: Moment
    started_before: Moment
    finished_after: Moment
    finished_before: Moment


class TaskListing(TaskFilter, total=False):
    """Which tasks to list, in which order, and how much of each."""

    sort: str
    limit: int
    cursor: str
    fields: str | Sequence[str]
    include: str | Sequence[str]


class BulkWanted(TypedDict, total=False):
    """Which tasks an operation on many is for: one of `filter`, `ids` and `all`; and why."""

    filter: TaskFilter
    ids: Iterable[str]
    all: bool
    reason: str
    idempotency_key: str


class KeyOptions(TypedDict, total=False):
    """What a key allows, and for how long; it needs a role or a scope."""

    owner: str
    role: str
    scopes: Iterable[str]
    expires_in_days: float
    networks: Iterable[str]
    handlers: Iterable[str]
    rate_limit: str
    idempotency_key: str
