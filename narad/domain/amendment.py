"""What a person may change of a task that still waits, and what follows from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, cast

from narad.domain.status import Priority
from narad.domain.task import Task


class Amendment(TypedDict, total=False):
    """New values; what is not given stays."""

    name: str
    description: str | None
    priority: Priority
    tags: Sequence[str]
    run_at: datetime


class Amended(Amendment, total=False):
    """The columns to write."""

    expires_at: datetime
    due_at: datetime
    handovers: int


def amended(task: Task, amendment: Amendment, now: datetime) -> Amended:
    """What to write. A task that goes another way, or at another time, is due anew: at once, or at that time.

    The time that it may wait for its first start is counted from `run_at`, and moves with it.
    """
    values = cast("Amended", dict(amendment))
    run_at = task.run_at
    if "run_at" in amendment:
        run_at = values["run_at"] = max(amendment["run_at"], now)
        if task.expires_at is not None:
            values["expires_at"] = run_at + (task.expires_at - task.run_at)
    if "run_at" in amendment or amendment.get("priority", task.priority) is not task.priority:
        values["due_at"] = max(run_at, now)
        values["handovers"] = 0
    return values
