"""The life of a task as a diagram: the way that it took, how long each part of it lasted, and the ends it can have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from narad.dashboard.words import N_
from narad.domain.status import Status
from narad.domain.task import Task

ENDS: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
_END_LABELS: Final[Mapping[Status, str]] = {
    Status.COMPLETED: N_("Completed"),
    Status.FAILED: N_("Failed"),
    Status.CANCELLED: N_("Cancelled"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A point of the way: reached at a moment, or ahead. `seconds` is how long the way to it took, or takes so far.

    `is_here` is where the task stands: while it waits, at the last point before its start.
    """

    label: str
    status: Status
    at: datetime | None = None
    seconds: float | None = None
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """The way, and the ends that it branches into, of which one may be reached."""

    way: tuple[Step, ...]
    ends: tuple[Step, ...]


def life_of(task: Task, now: datetime) -> Life:
    """The life of a task as it stands. Of several attempts the latest start counts, of a waiting task the next."""
    is_final, is_waiting = task.status.is_final, task.status.is_waiting
    started_at = None if is_waiting else task.started_at
    has_due = task.run_at > task.created_at
    way = [Step(label=N_("Created"), status=Status.NEW, at=task.created_at, is_here=is_waiting and not has_due)]
    if has_due:
        due = Step(
            label=N_("Due") if task.run_at <= now else N_("Not before"),
            status=Status.PENDING,
            at=task.run_at,
            seconds=_between(task.created_at, task.run_at),
            is_here=is_waiting,
        )
        way.append(due)
    until = started_at or task.finished_at or now
    waits = None if task.run_at > until else _between(max(task.created_at, task.run_at), until)
    if started_at is not None or not is_final:
        started = Step(
            label=N_("Started") if started_at is not None else N_("Start"),
            status=Status.IN_PROGRESS,
            at=started_at,
            seconds=waits,
            is_here=task.status is Status.IN_PROGRESS,
        )
        way.append(started)
    if task.cancel_requested_at is not None:
        asked = Step(
            label=N_("Cancel asked for"),
            status=Status.CANCELLED,
            at=task.cancel_requested_at,
            seconds=_between(started_at, task.cancel_requested_at),
        )
        way.append(asked)
    return Life(tuple(way), tuple(_end(task, one, now) for one in ENDS))


def _end(task: Task, end: Status, now: datetime) -> Step:
    if task.status is not end:
        return Step(label=_END_LABELS[end], status=end)
    since = task.cancel_requested_at or task.started_at or task.created_at
    finished = task.finished_at or now
    return Step(
        label=_END_LABELS[end], status=end, at=task.finished_at, seconds=_between(since, finished), is_here=True
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max((end - start).total_seconds(), 0)
