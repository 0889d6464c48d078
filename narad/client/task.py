"""A task, and a page of tasks, in the hands of a caller that blocks."""

from collections.abc import Iterator
from typing import Self, TypeVar, Unpack

from narad.client import task_flows
from narad.client.bodies import seconds_of
from narad.client.handles import Reader, as_is
from narad.client.record import TaskRecord
from narad.client.shell import Shell
from narad.client.task_flows import PageRead, Read
from narad.client.views import Attempt, Event, LogLine
from narad.client.waiting import Deadline, ended
from narad.client.words import CloneOptions, Json, Seconds, TaskChanges, TaskListing

R = TypeVar("R")


class Task(TaskRecord[R]):
    """A task: its fields as it was read last, and what can be done with it."""

    def __init__(self, shell: Shell, read: Read, reader: Reader = as_is) -> None:
        super().__init__(read, reader)
        self._shell = shell

    def refresh(self) -> Self:
        """Read it again."""
        self._take(self._shell.run(task_flows.refreshed(self, whole=self._whole)))
        return self

    def wait(self, timeout: Seconds | None = None) -> Self:
        """Wait until it has ended, however it ended.

        Raises:
            WaitTimeout: it has not within this time.
        """
        seconds = None if timeout is None else seconds_of(timeout)
        if not self.is_final:
            self._take(self._shell.run(ended(self.id, Deadline.after(seconds))))
            self._see_ended(seconds or 0)
        return self

    def result(self, timeout: Seconds | None = None) -> R:
        """Wait for what its handler returns.

        Raises:
            TaskFailed: it ended FAILED; `error` says why.
            TaskCancelled: it ended CANCELLED.
            WaitTimeout: it has not ended within this time.
            ResultHidden: the key may not read results.
        """
        if not self.is_final or not self._whole:  # one out of a list comes without its result
            self._take(
                self._shell.run(ended(self.id, Deadline.after(None if timeout is None else seconds_of(timeout))))
            )
        self._see_ended(0 if timeout is None else seconds_of(timeout))
        return self._outcome()

    def stream(self, *, refresh: bool = False) -> Iterator[Event]:
        """Follow it to its end: an event for each change, the first for where it stands.

        It is read again where events are missing and at its end; with `refresh` before each event.
        """
        for event in self._shell.follow(self._following(self._shell.policy)):
            if refresh or self._has_changed(event):
                self.refresh()
            yield event

    def cancel(self, reason: str | None = None) -> Self:
        """Cancel it: at once while it waits; a running one is asked to stop, and ends CANCELLED when it has."""
        self._take(self._shell.run(task_flows.cancel(self.id, reason)))
        return self

    def retry(self) -> Self:
        """Have it run again after it ended FAILED or CANCELLED."""
        self._take(self._shell.run(task_flows.retry(self.id)))
        return self

    def clone(self, **options: Unpack[CloneOptions]) -> "Task[R]":
        """Create another like it, but for these options."""
        reader = as_is if "handler" in options else self._reader
        return Task(self._shell, self._shell.run(task_flows.clone(self.id, options)), reader)

    def update(self, *, only_version: int | None = None, **changes: Unpack[TaskChanges]) -> Self:
        """Change it while it waits; with `only_version` only as long as it has that version."""
        self._take(self._shell.run(task_flows.update(self.id, changes, only_version)))
        return self

    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts that are known, the first first."""
        return self._shell.run(task_flows.attempts(self.id))

    def logs(self, after: str | None = None) -> tuple[LogLine, ...]:
        """What its handler logged, the first line first; after the line of this `place`, if given."""
        return self._shell.run(task_flows.logs(self.id, after))


class Page:
    """A page of tasks, which have no payload and no result unless asked for."""

    def __init__(self, shell: Shell, listing: TaskListing, read: PageRead) -> None:
        self._shell = shell
        self._listing = listing
        self.items: tuple[Task[Json], ...] = tuple(
            Task(shell, Read(task, read.response, read.whole)) for task in read.tasks
        )
        self.next_cursor = read.next_cursor
        self.prev_cursor = read.prev_cursor
        self.has_more = read.has_more
        self.total = read.total
        self.response = read.response

    def next(self) -> "Page | None":
        """The page after it."""
        return self._other(self.next_cursor)

    def prev(self) -> "Page | None":
        """The page before it."""
        return self._other(self.prev_cursor)

    def _other(self, cursor: str | None) -> "Page | None":
        if cursor is None:
            return None
        listing: TaskListing = {**self._listing, "cursor": cursor}
        return Page(self._shell, listing, self._shell.run(task_flows.page(listing)))
