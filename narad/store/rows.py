"""From rows to values and back: the one place that knows which column is which field."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Row

from narad.domain.task import ClaimedTask, NewTask, Progress, Task, TaskError, TaskSummary
from narad.store.tables import tasks

SUMMARY: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(TaskSummary))
WHOLE: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(Task))
CLAIMED: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(ClaimedTask))
_CLAIMED_NAMES = tuple(column.name for column in CLAIMED)
NEW: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(NewTask))


def to_summary(row: Row[Any]) -> TaskSummary:
    """The value of a row of the columns SUMMARY."""
    return TaskSummary(**_fields(row))


def to_task(row: Row[Any]) -> Task:
    """The value of a row of the columns WHOLE."""
    return Task(**_fields(row))


def to_claimed(row: Row[Any]) -> ClaimedTask:
    """The value of a row that begins with the columns CLAIMED."""
    fields: dict[str, Any] = dict(zip(_CLAIMED_NAMES, row, strict=False))
    fields["tags"] = tuple(fields["tags"])
    return ClaimedTask(**fields)


def from_error(error: TaskError | None) -> Mapping[str, Any] | None:
    """An error as it is stored."""
    return None if error is None else dataclasses.asdict(error)


def from_progress(progress: Progress | None) -> Mapping[str, Any] | None:
    """A progress as it is stored."""
    return None if progress is None else dataclasses.asdict(progress)


def _fields(row: Row[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = row._asdict()
    fields["tags"] = tuple(fields["tags"])
    fields["progress"] = None if fields["progress"] is None else Progress(**fields["progress"])
    fields["error"] = None if fields["error"] is None else TaskError(**fields["error"])
    return fields
