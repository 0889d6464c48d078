"""Workers and queues as people see them, and what people may order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from narad.domain.status import Priority, Status
from narad.domain.task import Lane, Progress

MOST_COUNTED = 10_000
"""Rows that a request may count; of more it tells no more than that."""


class WorkerOrder(StrEnum):
    """What a worker was told to do. The order of the members is the order of their codes in the store."""

    QUIET = "QUIET"
    DRAIN = "DRAIN"


class WorkerState(StrEnum):
    """How a worker is.

    `online` takes tasks, `quiet` takes nothing new until it is resumed, `draining` ends; `lost` gave no sign of life
    for a whole lease, `stopped` ended in order.
    """

    ONLINE = "online"
    QUIET = "quiet"
    DRAINING = "draining"
    LOST = "lost"
    STOPPED = "stopped"


LIVING = (WorkerState.ONLINE, WorkerState.QUIET, WorkerState.DRAINING)
"""The states of a worker that gives signs of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the heartbeat of a worker brings home: the order that stands, and the queues that are paused."""

    ordered: WorkerOrder | None
    paused: frozenset[str]


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are: exactly `value`, or at least that many where `relation` is `gte`."""

    value: int
    relation: str = "eq"

    @classmethod
    def capped(cls, counted: int) -> "Count":
        """Of rows that were counted up to one more than the most."""
        return cls(MOST_COUNTED, "gte") if counted > MOST_COUNTED else cls(counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentTask:
    """A task that a worker runs."""

    id: UUID
    name: str
    handler: str
    attempt: int
    started_at: datetime
    progress: Progress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker. `busy` is the number of its slots in use at its latest heartbeat, `tasks` what it runs now."""

    id: UUID
    name: str | None
    host: str
    pid: int
    version: str
    concurrency: int
    queues: Sequence[str]
    handlers: Sequence[str]
    started_at: datetime
    heartbeat_at: datetime
    lease_expires_at: datetime
    stopped_at: datetime | None
    busy: int
    state: WorkerState
    tasks: Sequence[CurrentTask] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """What waits in a lane: tasks that could run now, those with a later time, and since when the oldest could."""

    waiting: Count
    delayed: Count
    oldest_run_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue: what waits in it, how many run, how many living workers serve it, and its pause where there is one."""

    name: str
    lanes: Mapping[Priority, LaneStatus]
    running: Count
    workers: int
    paused_at: datetime | None
    paused_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The whole installation in figures, at one moment.

    Counts of tasks that have not ended, and the backlog of the relay, go no further than `MOST_COUNTED`.
    """

    tasks: Mapping[Status, int]
    oldest_seconds: Mapping[Lane, float]
    backlog: int
    backlog_seconds: float
    workers: Mapping[WorkerState, int]
    busy_slots: int
    free_slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLoad:
    """How busy the service is.

    `oldest_run_at` says of each priority since when the task that waits longest could run, None where nothing waits;
    `due` are the tasks that the relay has to look at, the first `due_since`. `workers` are told by state but for those
    that have ended; the `slots` of living ones are `busy` as of their heartbeats. `has_tasks` tells whether any is
    stored, whatever its status.
    """

    oldest_run_at: Mapping[Priority, datetime | None]
    due: Count
    due_since: datetime | None
    workers: Mapping[WorkerState, int]
    busy: int
    slots: int
    has_tasks: bool

    @property
    def living(self) -> int:
        """How many workers give signs of life."""
        return sum(self.workers[state] for state in LIVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """A task that runs, on whichever worker."""

    id: UUID
    name: str
    handler: str
    started_at: datetime
