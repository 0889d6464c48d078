"""From rows to values and back: the one place that knows which column is which field."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Text, type_coerce

from narad.domain.task import ClaimedTask, ListedTask, NewTask, Part, Progress, Task, TaskError, TaskSummary
from narad.store.dialects import without_member
from narad.store.tables import tasks

_SUMMARY: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(TaskSummary))
WHOLE: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(Task))
CLAIMED: tuple[ColumnElement[Any], ...] = tuple(
    type_coerce(tasks.c[name], Text).label(name) if name in {"payload", "tags"} else tasks.c[name]
    for name in ClaimedTask._fields
)
"""JSON as its text: the payload is read where it is validated, and most tags are those of a task before."""
_TAGS = ClaimedTask._fields.index("tags")
NEW: tuple[Column[Any], ...] = tuple(tasks.c[field.name] for field in dataclasses.fields(NewTask))
_BRIEF_ERROR = without_member(tasks.c.error, "traceback").label("error")


def listed_columns(parts: Collection[Part]) -> tuple[ColumnElement[Any], ...]:
    """The columns of a list: those of a summary, without the traceback of its error, and the parts asked for."""
    large = tuple(tasks.c[part] for part in (Part.PAYLOAD, Part.RESULT) if part in parts)
    whole = Part.TRACEBACK in parts
    return tuple(column if whole or column is not tasks.c.error else _BRIEF_ERROR for column in _SUMMARY) + large


def to_listed(row: Row[Any]) -> ListedTask:
    """The value of a row of the columns of a list."""
    return ListedTask(**_fields(row))


def to_task(row: Row[Any]) -> Task:
    """The value of a row of the columns WHOLE."""
    return Task(**_fields(row))


def to_claimed(row: Row[Any]) -> ClaimedTask:
    """The value of a row that begins with the columns CLAIMED."""
    return ClaimedTask._make((*row[:_TAGS], _tags(row[_TAGS]), *row[_TAGS + 1 : len(CLAIMED)]))


@lru_cache
def _tags(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


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
