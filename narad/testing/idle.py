"""What the service of a test still has to do, as its store tells."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from narad.domain.status import Status
from narad.domain.task import ListedTask
from narad.store.deadline import Deadline
from narad.store.filters import TaskFilter
from narad.store.lists import Lists, Span
from narad.store.order import Order, Position

_PAGE = 200
_ACTIVE = TaskFilter(status=(Status.NEW, Status.PENDING, Status.IN_PROGRESS))
_NAMED = 5
_PATIENCE_SECONDS = 30.0
"""Far above what a list takes: a test on a busy machine waits rather than fails."""


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks that have not ended: those that run or could run now, and those whose time comes later."""

    due: Sequence[ListedTask]
    later: Sequence[ListedTask]

    @property
    def next_at(self) -> datetime | None:
        """The time at which something happens to one of those that wait for theirs."""
        return min((_next_of(task) for task in self.later), default=None)

    def told(self, queues: Collection[str]) -> str:
        """What is due, and why it may not run, for messages."""
        lines = [_line(task, queues) for task in self.due[:_NAMED]]
        more = len(self.due) - len(lines)
        return "\n".join([*lines, *([f"and {more} more"] if more else [])])


async def work_left(lists: Lists, now: datetime) -> Work:
    """Read every task that has not ended."""
    due: list[ListedTask] = []
    later: list[ListedTask] = []
    for task in await _active(lists):
        is_due = task.status is Status.IN_PROGRESS or _next_of(task) <= now
        (due if is_due else later).append(task)
    return Work(due, later)


async def _active(lists: Lists) -> Sequence[ListedTask]:
    found: list[ListedTask] = []
    order, after = Order(descending=False), None
    while True:
        page = await lists.page(_ACTIVE, order, Span(limit=_PAGE, after=after), Deadline(_PATIENCE_SECONDS))
        found += page
        if len(page) < _PAGE:
            return found
        after = Position(page[-1].id)


def _next_of(task: ListedTask) -> datetime:
    """When it may run, or, where that is earlier, expires."""
    return task.run_at if task.expires_at is None else min(task.run_at, task.expires_at)


def _line(task: ListedTask, queues: Collection[str]) -> str:
    line = f"{task.name!r} ({task.handler}, {task.id}) is {task.status}"
    if task.status is not Status.IN_PROGRESS and task.queue not in queues:
        line += f" in the queue {task.queue!r}, which no worker here serves"
    elif task.status is Status.PENDING and task.error is not None:
        line += f" after {task.failures} failures, the last: {task.error.type}: {task.error.message}"
    return line
