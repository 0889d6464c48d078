"""The tasks that somebody of this process waits for, by id, and what was last known of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from narad.domain.event import OF_STATUS, EventType, Mark, TaskEvent, of_task
from narad.domain.status import Status
from narad.events.listener import Listener
from narad.events.watch import Watch


@dataclass(eq=False)
class Followed:
    """One task, who waits for it, and where it stood when it was last heard of or looked at."""

    listeners: set[Listener] = field(default_factory=set)
    watches: set[Watch] = field(default_factory=set)
    stood: tuple[Status, int | None] | None = None
    """Its status and attempt."""
    version: int | None = None
    heard: int = 0

    def hear(self, event: TaskEvent) -> None:
        """Take an event of this task."""
        self.heard += 1
        if event.status is not None:
            self.stood = event.status, event.attempt
            self.version = event.version or self.version
        for watch in self.watches:
            watch.hear(event)

    def see(self, mark: Mark, at: datetime, *, progress_too: bool) -> TaskEvent | None:
        """Take what a look has found; returns the event that was not heard, if there must have been one.

        An event need not say which version it made, so that a new version alone is news only where nothing is heard.
        """
        for watch in self.watches:
            watch.see(mark)
        before, self.stood = self.stood, (mark.status, mark.attempt)
        version, self.version = self.version, mark.version
        if before is None:
            return None
        if before != self.stood:
            return of_task(OF_STATUS[mark.status], mark, at)
        if progress_too and version not in {None, mark.version} and mark.status is Status.IN_PROGRESS:
            return of_task(EventType.PROGRESS, mark, at)
        return None


class Following:
    """An index by id of streams and waits."""

    def __init__(self) -> None:
        self._tasks: dict[UUID, Followed] = {}

    def get(self, task_id: UUID) -> Followed | None:
        """What is known of a task that somebody waits for."""
        return self._tasks.get(task_id)

    def ids(self) -> Sequence[UUID]:
        """All of them."""
        return list(self._tasks)

    def add_listener(self, listener: Listener) -> None:
        """Follow the tasks that a stream names."""
        for task_id in listener.wanted.ids:
            self._tasks.setdefault(task_id, Followed()).listeners.add(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Follow them no more for it."""
        for task_id in listener.wanted.ids:
            if (followed := self._tasks.get(task_id)) is not None:
                followed.listeners.discard(listener)
                self._forget(task_id, followed)

    def add_watch(self, watch: Watch) -> None:
        """Follow the task of a wait."""
        self._tasks.setdefault(watch.task_id, Followed()).watches.add(watch)

    def remove_watch(self, watch: Watch) -> None:
        """Follow it no more for it."""
        if (followed := self._tasks.get(watch.task_id)) is not None:
            followed.watches.discard(watch)
            self._forget(watch.task_id, followed)

    def _forget(self, task_id: UUID, followed: Followed) -> None:
        if not followed.listeners and not followed.watches:
            del self._tasks[task_id]
