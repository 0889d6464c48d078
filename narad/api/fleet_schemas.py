"""What goes over the wire about handlers, queues, workers and statistics."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from narad.api.schemas import ProgressView, ShownMoment, Text
from narad.api.task_page import Relation
from narad.api.task_query import DEFAULT_PAGE, LARGEST_PAGE
from narad.domain.fleet import WorkerState
from narad.domain.status import Priority, Status

LONGEST_REASON = 500


class CountView(BaseModel):
    """How many there are: exactly `value`, or, with the relation `gte`, at least that many."""

    model_config = ConfigDict(from_attributes=True)

    value: int
    relation: Relation


class VersionView(BaseModel):
    """A version of a handler: its fingerprint changes with its queue, options and schemas."""

    fingerprint: str
    published_at: ShownMoment = Field(description="When a process that has this version last started.")


class HandlerView(BaseModel):
    """A handler, as its latest version describes it."""

    name: str
    title: str | None
    description: str | None
    queue: str
    payload_schema: dict[str, Any]
    result_schema: dict[str, Any] | None
    options: dict[str, Any]
    versions: list[VersionView] = Field(description="The latest first. Several are alive during a rolling deployment.")
    offered: bool = Field(description="Whether a living worker offers it now.")
    last_seen_at: ShownMoment = Field(description="When a process that has it last started or gave a sign of life.")


class HandlerPage(BaseModel):
    """Every handler known, by name."""

    items: list[HandlerView]
    next_cursor: None = Field(default=None, description="Always null: the list is whole.")


class LaneView(BaseModel):
    """What waits in a queue at one priority."""

    waiting: CountView = Field(description="Tasks that could run now.")
    delayed: CountView = Field(description="Tasks that wait for their `run_at`.")
    oldest_age_seconds: float | None = Field(description="How long ago the oldest that waits could have run.")


class QueueView(BaseModel):
    """A queue."""

    name: str
    paused: bool = Field(description="While it is paused, nothing new is started from it.")
    paused_at: ShownMoment | None
    paused_reason: str | None
    workers: int = Field(description="Living workers that serve it.")
    running: CountView
    lanes: dict[Priority, LaneView] = Field(description="By priority.")


class QueuePage(BaseModel):
    """Every queue known, by name."""

    items: list[QueueView]
    next_cursor: None = Field(default=None, description="Always null: the list is whole, up to 1 000 queues.")


class PauseRequest(BaseModel):
    """Why a queue is paused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the mail server is down"}]})

    reason: Annotated[Text, Field(max_length=LONGEST_REASON)] | None = None


class CurrentTaskView(BaseModel):
    """A task that a worker runs."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    handler: str
    attempt: int
    started_at: ShownMoment
    progress: ProgressView | None


class WorkerView(BaseModel):
    """A worker process."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str | None
    host: str
    pid: int
    version: str
    state: WorkerState
    queues: list[str]
    handlers: list[str]
    concurrency: int = Field(description="Its slots.")
    busy: int = Field(description="Slots in use at its latest heartbeat, those of handlers that do not stop included.")
    tasks: list[CurrentTaskView] = Field(description="What it runs now, the oldest first; up to 200.")
    started_at: ShownMoment
    heartbeat_at: ShownMoment
    lease_expires_at: ShownMoment
    stopped_at: ShownMoment | None = Field(description="When it ended, or was declared lost.")


class WorkerPage(BaseModel):
    """A page of workers, those that started last first."""

    items: list[WorkerView]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last one.")


class WorkerQuery(BaseModel):
    """Which workers to list."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[list[WorkerState], Field(max_length=len(WorkerState))] = Field(default_factory=list)
    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=LARGEST_PAGE)
    cursor: UUID | None = Field(default=None, description="The `next_cursor` of the page before.")


class StatsQuery(BaseModel):
    """Which time to look back over."""

    model_config = ConfigDict(extra="forbid")

    window: Literal["5m", "1h", "24h"] = "5m"


class PercentilesView(BaseModel):
    """Estimates of a duration in seconds, each within 19 % of the true one; null where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


class FiguresView(BaseModel):
    """What happened in a window."""

    created: int
    completed: int
    failed: int
    cancelled: int
    created_per_second: float
    finished_per_second: float
    wait_seconds: PercentilesView = Field(description="From the time at which an attempt could start to its start.")
    run_seconds: PercentilesView = Field(description="From the start of an attempt to its end.")


class HandlerFiguresView(FiguresView):
    """The same of one handler."""

    handler: str


class StatsView(BaseModel):
    """Statistics: a few seconds old."""

    window: str
    since: ShownMoment = Field(description="Start of the window: that of a minute, or of an hour where it is a day.")
    until: ShownMoment
    statuses: dict[Status, CountView] = Field(
        description="Tasks that have a status which is not final; how often a final one was reached."
    )
    counted_since: ShownMoment | None = Field(description="Since when final statuses are counted: the start of a day.")
    overall: FiguresView
    handlers: list[HandlerFiguresView] = Field(description="By name; those of which nothing was counted are left out.")
