"""Bodies of requests that change a task or make another of it. What such a body leaves out stays as it is."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import TypedDict

from narad.api.schemas import (
    LONGEST_DESCRIPTION,
    Attempts,
    HandlerName,
    Losses,
    Moment,
    Name,
    OnConflict,
    QueueName,
    Tags,
    TaskCreate,
    Text,
    Timeout,
    UniqueKey,
    Wait,
)
from narad.domain.status import Priority
from narad.domain.task import Task

LONGEST_REASON = 500


def _closed(**example: JsonValue) -> ConfigDict:
    """For a body that takes its own fields alone, with an example of it."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


Description = Annotated[Text, Field(max_length=LONGEST_DESCRIPTION)]


class TaskCancel(BaseModel):
    """Why a task is cancelled."""

    model_config = _closed(reason="The order was withdrawn.")

    reason: Annotated[Text, Field(max_length=LONGEST_REASON)] | None = None


class TaskAmend(TypedDict, total=False):
    """What to change of a task that waits."""

    # As Pydantic documents it.
    __pydantic_config__ = _closed(priority="HIGH", run_at="2026-11-24T10:00:00Z")  # type: ignore[misc]

    name: Name
    description: Description | None
    priority: Priority
    tags: Tags
    run_at: Moment


class TaskClone(TypedDict, total=False):
    """What a clone does not take over from its model."""

    __pydantic_config__ = _closed(name="Thumbnail, larger", payload={"width": 640})  # type: ignore[misc]

    name: Name
    description: Description | None
    priority: Priority
    handler: HandlerName
    payload: dict[str, Any]
    queue: QueueName
    unique_key: UniqueKey
    on_conflict: OnConflict
    run_at: Moment
    max_attempts: Attempts
    timeout_seconds: Timeout | None
    max_losses: Losses
    expires_in_seconds: Wait
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
