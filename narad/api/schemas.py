"""What goes over the wire: the body that creates a task, a task as it is shown."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from typing_extensions import TypeAliasType

from narad.domain.names import HANDLER_NAME, LONGEST_HANDLER_NAME, LONGEST_QUEUE_NAME, QUEUE_NAME
from narad.domain.status import Priority, Status
from narad.domain.storable import NotStorableError, check_text

LONGEST_NAME = 200
LONGEST_DESCRIPTION = 10_000
LONGEST_UNIQUE_KEY = 255
MOST_TAGS = 50
LONGEST_TAG = 100
LONGEST_TIMEOUT_SECONDS = 7 * 86_400
LONGEST_WAIT_SECONDS = 366 * 86_400
MOST_ATTEMPTS = 1_000
MOST_ITEMS = 1_000
_KEPT_MOMENTS = 256


def _storable(text: str) -> str:
    try:
        return check_text(text)
    except NotStorableError as error:
        raise ValueError(error.reason) from error


def _whole(value: object) -> object:
    """An integer also where it is written as 1.0, as JSON Schema has it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _time(value: object) -> object:
    if not isinstance(value, datetime) and (not isinstance(value, str) or "T" not in value.upper()):
        raise ValueError("must be a time such as 2026-11-24T10:00:00Z")
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be a time that UTC can express") from error


# Tasks of one batch share their times, and those of one task are often the same.
@lru_cache(maxsize=_KEPT_MOMENTS)
def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _distinct(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


_STORABLE: Final = {"pattern": r"^[^\u0000]*$"}
_SHOWS: Final = {"pattern": r"^[^\u0000]*[^\u0000\s][^\u0000]*$"}

Text = Annotated[str, AfterValidator(_storable), Field(json_schema_extra=_STORABLE)]
_Shown = Annotated[Text, AfterValidator(_not_blank), Field(json_schema_extra=_SHOWS)]
Name = Annotated[_Shown, Field(min_length=1, max_length=LONGEST_NAME)]
HandlerName = Annotated[str, Field(pattern=HANDLER_NAME, max_length=LONGEST_HANDLER_NAME)]
QueueName = Annotated[str, Field(pattern=QUEUE_NAME, max_length=LONGEST_QUEUE_NAME)]
Tag = Annotated[_Shown, Field(min_length=1, max_length=LONGEST_TAG)]
UniqueKey = Annotated[_Shown, Field(min_length=1, max_length=LONGEST_UNIQUE_KEY)]
OnConflict = TypeAliasType("OnConflict", Literal["reject", "return_existing"])
Attempts = Annotated[int, Field(strict=True, ge=1, le=MOST_ATTEMPTS), BeforeValidator(_whole)]
Losses = Annotated[int, Field(strict=True, ge=0, le=MOST_ATTEMPTS), BeforeValidator(_whole)]
Timeout = Annotated[float, Field(strict=True, gt=0, le=LONGEST_TIMEOUT_SECONDS, allow_inf_nan=False)]
Wait = Annotated[float, Field(strict=True, gt=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False)]
Tags = Annotated[list[Tag], AfterValidator(_distinct), Field(max_length=MOST_TAGS)]
Moment = Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_in_utc)]
ShownMoment = Annotated[datetime, PlainSerializer(_shown, return_type=str, when_used="json")]


class TaskCreate(BaseModel):
    """A task to be created. Only `name` is required."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "Thumbnail", "priority": "HIGH", "handler": "demo.echo", "payload": {"width": 320}}]
        },
    )

    name: Name = Field(description="What people call this task.")
    description: Annotated[Text, Field(max_length=LONGEST_DESCRIPTION)] | None = None
    priority: Priority = Field(default=Priority.MEDIUM, description="Where it is left out, that of the handler.")
    handler: HandlerName | None = Field(default=None, description="The handler that does the work.")
    payload: dict[str, Any] = Field(default_factory=dict, description="The keyword arguments of the handler.")
    queue: QueueName | None = Field(default=None, description="The queue; by default that of the handler.")
    unique_key: UniqueKey | None = Field(
        default=None, description="No two tasks that wait or run have the same; free again when its task has ended."
    )
    on_conflict: OnConflict = Field(
        default="reject", description="What to do where an active task has the unique key: refuse, or answer with it."
    )
    run_at: Moment | None = Field(default=None, description="Not before this time; by default at once.")
    max_attempts: Attempts | None = Field(default=None, description="Failed attempts allowed.")
    timeout_seconds: Timeout | None = Field(default=None, description="Longest run of one attempt.")
    max_losses: Losses | None = Field(default=None, description="Lost workers allowed.")
    expires_in_seconds: Wait | None = Field(
        default=None,
        description="Longest wait for the first start, from `run_at` on; after it the task is FAILED as Expired.",
    )
    tags: Tags = Field(default_factory=list)


class TaskBatch(BaseModel):
    """Tasks to be created together: all or none."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[TaskCreate], Field(min_length=1, max_length=MOST_ITEMS)]


class ProgressView(BaseModel):
    """How far a task is, from 0 to 1."""

    model_config = ConfigDict(from_attributes=True)

    value: float
    message: str | None


class ErrorSummaryView(BaseModel):
    """Why the latest attempt failed, or why the task ended without a result."""

    model_config = ConfigDict(from_attributes=True)

    type: str
    message: str
    retryable: bool


class ErrorView(ErrorSummaryView):
    """The same, with where in the code it happened."""

    traceback: str | None


class TaskSummaryView(BaseModel):
    """A task in a list: without payload and result."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    priority: Priority
    status: Status
    handler: str
    queue: str
    unique_key: str | None = Field(description="No other task that waits or runs has it.")
    tags: tuple[str, ...]
    created_at: ShownMoment
    run_at: ShownMoment
    expires_at: ShownMoment | None = Field(description="Not started by then, it fails; null once it was started.")
    started_at: ShownMoment | None
    finished_at: ShownMoment | None
    cancel_requested_at: ShownMoment | None
    cancel_reason: str | None
    attempt: int = Field(description="Executions so far; only grows.")
    failures: int = Field(description="Failed attempts so far.")
    losses: int = Field(description="Workers lost while running it.")
    max_attempts: int
    max_losses: int
    timeout_seconds: float | None
    worker_id: UUID | None = Field(description="The worker that runs it, or ran it last.")
    created_by: str | None = Field(description="The id of the API key that it was created with.")
    parent_id: UUID | None = Field(description="The task whose handler created it, if one did.")
    progress: ProgressView | None
    error: ErrorSummaryView | None
    version: int = Field(description="Grows with every change.")


class TaskView(TaskSummaryView):
    """A task, whole."""

    error: ErrorView | None
    payload: dict[str, Any] | None
    result: Any
    redacted: tuple[str, ...] = Field(
        default=(),
        description="What is null because your key may not read it, or nobody may, such as payload.password.",
    )


class TaskBatchView(BaseModel):
    """Tasks that were created together, in the order of their items."""

    items: list[TaskView]


class StatusView(BaseModel):
    """Where a task stands: what a poll needs."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: Status
    progress: ProgressView | None
    version: int
    finished_at: ShownMoment | None
