"""A task, and a page of tasks, in the hands of a caller on a loop."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self, TypeVar, Unpack

from narad.client import task_flows
from narad.client.async_shell import AsyncShell
from narad.client.bodies import seconds_of
from narad.client.handles import Reader, as_is
from narad.client.record import TaskRecord
from narad.client.task_flows import PageRead, Read
from narad.client.views import Attempt, Event, LogLine
from narad.client.waiting import Deadline, ended
from narad.client.words import CloneOptions, Json, Seconds, TaskChanges, TaskListing

R = TypeVar("R")


class AsyncTask(TaskRecord[R]):
    """A task: its fields as it was read last, and what can be done with it."""

    def __init__(self, shell: AsyncShell, read: Read, reader: Reader = as_is) -> None:
        super().__init__(read, reader)
        self._shell = shell

    async def refresh(self) -> Self:
        """Read it again."""
        self._take(await self._shell.run(task_flows.refreshed(self, whole=self._whole)))
        return self

    async def wait(self, timeout: Seconds | None = None) -> Self:
        """Wait until it has ended, however it ended.

        Raises:
            WaitTimeout: it has not within this time.
        """
        seconds = None if timeout is None else seconds_of(timeout)
        if not self.is_final:
            self._take(await self._shell.run(ended(self.id, Deadline.after(seconds))))
            self._see_ended(seconds or 0)
        return self

    async def result(self, timeout: Seconds | None = None) -> R:
        """Wait for what its handler returns.

        Raises:
            TaskFailed: it ended FAILED; `error` says why.
            TaskCancelled: it ended CANCELLED.
            WaitTimeout: it has not ended within this time.
            ResultHidden: the key may not read results.
        """
        if not self.is_final or not self._whole:  # one out of a list comes without its result
            self._take(
                await self._shell.run(ended(self.id, Deadline.after(None if timeout is None else seconds_of(timeout))))
            )
        self._see_ended(0 if timeout is None else seconds_of(timeout))
        return self._outcome()

    async def stream(self, *, refresh: bool = False) -> AsyncGenerator[Event, None]:
        """Follow it to its end: an event for each change, the first for where it stands.

        It is read again where events are missing and at its end; with `refresh` before each event.
        """
        async with aclosing(self._shell.follow(self._following(self._shell.policy))) as events:
            async for event in events:
                if refresh or self._has_changed(event):
                    await self.refresh()
                yield event

    async def cancel(self, reason: str | None = None) -> Self:
        """Cancel it: at once while it waits; a running one is asked to stop, and ends CANCELLED when it has."""
        self._take(await self._shell.run(task_flows.cancel(self.id, reason)))
        return self

    async def retry(self) -> Self:
        """Have it run again after it ended FAILED or CANCELLED."""
        self._take(await self._shell.run(task_flows.retry(self.id)))
        return self

    async def clone(self, **options: Unpack[CloneOptions]) -> "AsyncTask[R]":
        """Create another like it, but for these options."""
        reader = as_is if "handler" in options else self._reader
        return AsyncTask(self._shell, await self._shell.run(task_flows.clone(self.id, options)), reader)

    async def update(self, *, only_version: int | None = None, **changes: Unpack[TaskChanges]) -> Self:
        """Change it while it waits; with `only_version` only as long as it has that version."""
        self._take(await self._shell.run(task_flows.update(self.id, changes, only_version)))
        return self

    async def attempts(self) -> tuple[Attempt, ...]:
        """The attempts that are known, the first first."""
        return await self._shell.run(task_flows.attempts(self.id))

    async def logs(self, after: str | None = None) -> tuple[LogLine, ...]:
        """What its handler logged, the first line first; after the line of this `place`, if given."""
        return await self._shell.run(task_flows.logs(self.id, after))


class AsyncPage:
    """A page of tasks, which have no payload and no result unless asked for."""

    def __init__(self, shell: AsyncShell, listing: TaskListing, read: PageRead) -> None:
        self._shell = shell
        self._listing = listing
        self.items: tuple[AsyncTask[Json], ...] = tuple(
            AsyncTask(shell, Read(task, read.response, read.whole)) for task in read.tasks
        )
        self.next_cursor = read.next_cursor
        self.prev_cursor = read.prev_cursor
        self.has_more = read.has_more
        self.total = read.total
        self.response = read.response

    async def next(self) -> "AsyncPage | None":
        """The page after it."""
        return await self._other(self.next_cursor)

    async def prev(self) -> "AsyncPage | None":
        """The page before it."""
        return await self._other(self.prev_cursor)

    async def _other(self, cursor: str | None) -> "AsyncPage | None":
        if cursor is None:
            return None
        listing: TaskListing = {**self._listing, "cursor": cursor}
        return AsyncPage(self._shell, listing, await self._shell.run(task_flows.page(listing)))
