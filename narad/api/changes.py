"""Bodies of requests that change a task or make another of it. What such a body leaves out stays as it is."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from narad.api.schemas import (
    LONGEST_DESCRIPTION,
    LONGEST_TIMEOUT_SECONDS,
    LONGEST_WAIT_SECONDS,
    MOST_ATTEMPTS,
    HandlerName,
    Moment,
    Name,
    OnConflict,
    QueueName,
    Tags,
    TaskCreate,
    Text,
    UniqueKey,
)
from narad.domain.status import Priority
from narad.domain.task import Task

LONGEST_REASON = 500
_CLOSED = ConfigDict(extra="forbid")

Description = Annotated[Text, Field(max_length=LONGEST_DESCRIPTION)]


class TaskCancel(BaseModel):
    """Why a task is cancelled."""

    model_config = _CLOSED

    reason: Annotated[Text, Field(max_length=LONGEST_REASON)] | None = None


class TaskAmend(TypedDict, total=False):
    """What to change of a task that waits."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc] # as Pydantic documents it

    name: Name
    description: Description | None
    priority: Priority
    tags: Tags
    run_at: Moment


class TaskClone(TypedDict, total=False):
    """What a clone does not take over from its model."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]

    name: Name
    description: Description | None
    priority: Priority
    handler: HandlerName
    payload: dict[str, Any]
    queue: QueueName
    unique_key: UniqueKey
    on_conflict: OnConflict
    run_at: Moment
    max_attempts: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)]
    timeout_seconds: Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT_SECONDS, allow_inf_nan=False)] | None
    max_losses: Annotated[int, Field(ge=0, le=MOST_ATTEMPTS)]
    expires_in_seconds: Annotated[float, Field(gt=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False)]
    tags: Tags


_TAKEN_OVER = (
    "name",
    "description",
    "priority",
    "handler",
    "payload",
    "queue",
    "max_attempts",
    "timeout_seconds",
    "max_losses",
    "tags",
)


def cloned(task: Task, body: TaskClone | None) -> TaskCreate:
    """The body that would create such a task anew."""
    taken_over = {field: getattr(task, field) for field in _TAKEN_OVER}
    return TaskCreate.model_validate({**taken_over, **(body or {})})
