"""`client.tasks`: create, read and list tasks, on a loop."""

from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from typing import Any, TypeVar, Unpack, overload

from narad.client import task_flows
from narad.client.async_shell import AsyncShell
from narad.client.async_task import AsyncPage, AsyncTask
from narad.client.bodies import NewTask
from narad.client.handles import HandlerLike, reader_of
from narad.client.views import Attempt, LogLine, TaskStatus
from narad.client.waiting import created
from narad.client.words import CloneOptions, CreateOptions, Json, TaskChanges, TaskListing

R = TypeVar("R")


class AsyncTasks:
    """The tasks of the service."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    @overload
    async def create(
        self,
        handler: HandlerLike[Coroutine[Any, Any, R]],
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> AsyncTask[R]: ...
    @overload
    async def create(
        self,
        handler: HandlerLike[R],
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> AsyncTask[R]: ...
    @overload
    async def create(
        self,
        handler: str | None = None,
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> AsyncTask[Json]: ...
    async def create(
        self,
        handler: HandlerLike[Any] | str | None = None,
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> AsyncTask[Any]:
        """Create a task for a handler, given by its name or itself, with its keyword arguments as `payload`.

        When this returns, the task is stored and will be run. However often the request has to be made, it creates
        one task: it has an Idempotency-Key, `idempotency_key` or one of its own.

        Args:
            handler: The handler; without one the service takes its default, and `name` is needed.
            payload: The keyword arguments of the handler, as Python values.
            options: What else the task says: `name` (by default that of the handler), `description`, `priority`,
                `queue`, `tags`, `run_at` or `delay`, `timeout` of an attempt, `max_attempts`, `max_losses`,
                `expires_in`, `unique_key` with `on_conflict`. `wait` waits so long for its end.
        """
        return AsyncTask(self._shell, await self._shell.run(created(handler, payload, options)), reader_of(handler))

    async def create_many(
        self, items: Iterable[NewTask], *, idempotency_key: str | None = None
    ) -> tuple[AsyncTask[Json], ...]:
        """Create tasks, in the order of the items: each 1 000 of them all, or none."""
        given = list(items)
        reads = await self._shell.run(task_flows.create_many(given, idempotency_key))
        return tuple(AsyncTask(self._shell, read, item.reader) for item, read in zip(given, reads, strict=True))

    @overload
    async def get(self, task_id: str, *, handler: HandlerLike[Coroutine[Any, Any, R]]) -> AsyncTask[R]: ...
    @overload
    async def get(self, task_id: str, *, handler: HandlerLike[R]) -> AsyncTask[R]: ...
    @overload
    async def get(self, task_id: str) -> AsyncTask[Json]: ...
    async def get(self, task_id: str, *, handler: HandlerLike[Any] | None = None) -> AsyncTask[Any]:
        """Read a task; of a `handler` that is given, its result is of the type that the handler returns."""
        return AsyncTask(self._shell, await self._shell.run(task_flows.get(task_id)), reader_of(handler))

    async def status(self, task_id: str) -> TaskStatus:
        """Read where a task stands, and no more."""
        return await self._shell.run(task_flows.get_status(task_id))

    async def list(self, **listing: Unpack[TaskListing]) -> AsyncPage:
        """Read a page of tasks, the newest first unless `sort` says otherwise."""
        return AsyncPage(self._shell, listing, await self._shell.run(task_flows.page(listing)))

    async def iter(self, **listing: Unpack[TaskListing]) -> AsyncIterator[AsyncTask[Json]]:
        """All tasks that a list has, page after page as they are needed."""
        page: AsyncPage | None = await self.list(**listing)
        while page is not None:
            for task in page.items:
                yield task
            page = await page.next()

    async def cancel(self, task_id: str, reason: str | None = None) -> AsyncTask[Json]:
        """Cancel a task: at once while it waits; a running one is asked to stop."""
        return AsyncTask(self._shell, await self._shell.run(task_flows.cancel(task_id, reason)))

    async def retry(self, task_id: str) -> AsyncTask[Json]:
        """Have a task run again that ended FAILED or CANCELLED."""
        return AsyncTask(self._shell, await self._shell.run(task_flows.retry(task_id)))

    async def clone(self, task_id: str, **options: Unpack[CloneOptions]) -> AsyncTask[Json]:
        """Create a task like another, but for these options."""
        return AsyncTask(self._shell, await self._shell.run(task_flows.clone(task_id, options)))

    async def update(
        self, task_id: str, *, only_version: int | None = None, **changes: Unpack[TaskChanges]
    ) -> AsyncTask[Json]:
        """Change a task that waits; with `only_version` only as long as it has that version."""
        return AsyncTask(self._shell, await self._shell.run(task_flows.update(task_id, changes, only_version)))

    async def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """The attempts of a task that are known, the first first."""
        return await self._shell.run(task_flows.attempts(task_id))

    async def logs(self, task_id: str, after: str | None = None) -> tuple[LogLine, ...]:
        """What the handler of a task logged, the first line first; after the line of this `place`, if given."""
        return await self._shell.run(task_flows.logs(task_id, after))
