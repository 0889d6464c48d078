"""Following a task by its events: a hint comes, and what it is about is read again."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from narad.cli.columns import Shown, duration, printable
from narad.cli.exits import FINAL
from narad.cli.session import Session
from narad.cli.tasks.looking import read_lines

_LOG = "task.log"


class View(ABC):
    """What shows a task while it goes on."""

    @abstractmethod
    def show(self, task: Shown) -> None:
        """Where the task stands by now."""

    @abstractmethod
    def tell(self, lines: Sequence[Shown]) -> None:
        """Lines that it logged."""

    @abstractmethod
    def close(self, last: str | None) -> None:
        """Nothing more comes; `last` says how the task ended, None where it was let go of."""


def follow(session: Session, task_id: str, view: View) -> Shown:
    """Show the task to its end, and return it."""
    last, shown = None, None
    try:
        task = session.get(f"/tasks/{task_id}")
        view.show(task)
        while task["status"] not in FINAL:
            # A stream has a longest time; the next one begins with where the task stands.
            for event in session.service.events(f"/tasks/{task_id}/events", {}):
                # Not with a hint of lines alone: they may have been logged before the stream began, and hints get lost.
                shown = _tell(session, task_id, view, shown)
                if event["type"] == _LOG:
                    continue
                task = session.get(f"/tasks/{task_id}")
                view.show(task)
                if task["status"] in FINAL:
                    break
        _tell(session, task_id, view, shown)
        last = last_line(task)
        return task
    finally:
        view.close(last)


def _tell(session: Session, task_id: str, view: View, after: str | None) -> str | None:
    """Show lines that are new; returns the last one known."""
    lines = read_lines(session, task_id, after)
    if not lines:
        return after
    view.tell(lines)
    return f"{lines[-1]['attempt']}.{lines[-1]['number']}"


def last_line(task: Shown) -> str:
    """How it ended: `COMPLETED in 12.3 s (waited 0.4 s)`, and why, where it FAILED or was CANCELLED."""
    started, finished = _time(task, "started_at"), _time(task, "finished_at")
    ready = max(one for one in (_time(task, "created_at"), _time(task, "run_at")) if one is not None)
    if finished is None:
        return str(task["status"])
    if started is None:
        took = f" (waited {_length(ready, finished)})"
    else:
        took = f" in {_length(started, finished)} (waited {_length(ready, started)})"
    return f"{task['status']}{took}{_reason(task)}"


def _reason(task: Shown) -> str:
    if task["status"] == "FAILED" and task["error"]:
        return f"; {printable(task['error']['type'])}: {printable(task['error']['message'])}"
    if task["status"] == "CANCELLED" and task["cancel_reason"]:
        return f"; {printable(task['cancel_reason'])}"
    return ""


def _time(task: Shown, field: str) -> datetime | None:
    return None if task[field] is None else datetime.fromisoformat(task[field])


def _length(begin: datetime, end: datetime) -> str:
    """Clocks of two hosts may differ a little; a wait is never negative."""
    return duration(max(0.0, (end - begin).total_seconds()))
