"""`client.tasks`: create, read and list tasks, blocking."""

from collections.abc import Coroutine, Iterable, Iterator, Mapping
from typing import Any, TypeVar, Unpack, overload

from narad.client import task_flows
from narad.client.bodies import NewTask
from narad.client.handles import HandlerLike, reader_of
from narad.client.shell import Shell
from narad.client.task import Page, Task
from narad.client.views import Attempt, LogLine, TaskStatus
from narad.client.waiting import created
from narad.client.words import CloneOptions, CreateOptions, Json, TaskChanges, TaskListing

R = TypeVar("R")


class Tasks:
    """The tasks of the service."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @overload
    def create(
        self,
        handler: HandlerLike[Coroutine[Any, Any, R]],
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> Task[R]: ...
    @overload
    def create(
        self,
        handler: HandlerLike[R],
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> Task[R]: ...
    @overload
    def create(
        self,
        handler: str | None = None,
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> Task[Json]: ...
    def create(
        self,
        handler: HandlerLike[Any] | str | None = None,
        payload: Mapping[str, object] | None = None,
        **options: Unpack[CreateOptions],
    ) -> Task[Any]:
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
        return Task(self._shell, self._shell.run(created(handler, payload, options)), reader_of(handler))

    def create_many(self, items: Iterable[NewTask], *, idempotency_key: str | None = None) -> tuple[Task[Json], ...]:
        """Create tasks, in the order of the items: each 1 000 of them all, or none."""
        given = list(items)
        reads = self._shell.run(task_flows.create_many(given, idempotency_key))
        return tuple(Task(self._shell, read, item.reader) for item, read in zip(given, reads, strict=True))

    @overload
    def get(self, task_id: str, *, handler: HandlerLike[Coroutine[Any, Any, R]]) -> Task[R]: ...
    @overload
    def get(self, task_id: str, *, handler: HandlerLike[R]) -> Task[R]: ...
    @overload
    def get(self, task_id: str) -> Task[Json]: ...
    def get(self, task_id: str, *, handler: HandlerLike[Any] | None = None) -> Task[Any]:
        """Read a task; of a `handler` that is given, its result is of the type that the handler returns."""
        return Task(self._shell, self._shell.run(task_flows.get(task_id)), reader_of(handler))

    def status(self, task_id: str) -> TaskStatus:
        """Read where a task stands, and no more."""
        return self._shell.run(task_flows.get_status(task_id))

    def list(self, **listing: Unpack[TaskListing]) -> Page:
        """Read a page of tasks, the newest first unless `sort` says otherwise."""
        return Page(self._shell, listing, self._shell.run(task_flows.page(listing)))

    def iter(self, **listing: Unpack[TaskListing]) -> Iterator[Task[Json]]:
        """All tasks that a list has, page after page as they are needed."""
        page: Page | None = self.list(**listing)
        while page is not None:
            yield from page.items
            page = page.next()

    def cancel(self, task_id: str, reason: str | None = None) -> Task[Json]:
        """Cancel a task: at once while it waits; a running one is asked to stop."""
        return Task(self._shell, self._shell.run(task_flows.cancel(task_id, reason)))

    def retry(self, task_id: str) -> Task[Json]:
        """Have a task run again that ended FAILED or CANCELLED."""
        return Task(self._shell, self._shell.run(task_flows.retry(task_id)))

    def clone(self, task_id: str, **options: Unpack[CloneOptions]) -> Task[Json]:
        """Create a task like another, but for these options."""
        return Task(self._shell, self._shell.run(task_flows.clone(task_id, options)))

    def update(self, task_id: str, *, only_version: int | None = None, **changes: Unpack[TaskChanges]) -> Task[Json]:
        """Change a task that waits; with `only_version` only as long as it has that version."""
        return Task(self._shell, self._shell.run(task_flows.update(task_id, changes, only_version)))

    def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """The attempts of a task that are known, the first first."""
        return self._shell.run(task_flows.attempts(task_id))

    def logs(self, task_id: str, after: str | None = None) -> tuple[LogLine, ...]:
        """What the handler of a task logged, the first line first; after the line of this `place`, if given."""
        return self._shell.run(task_flows.logs(task_id, after))
