"""What a handler is told about its task, and what it can say while it runs."""

import asyncio
import threading
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, SupportsFloat, TypeAlias, TypeVar, cast, overload
from uuid import UUID

from typing_extensions import override

from narad.clock import Clock
from narad.domain.follow_up import Request
from narad.domain.log_line import LogLevel, LogLine
from narad.domain.status import Priority
from narad.domain.storable import check_text
from narad.domain.task import ClaimedTask, Json, Progress
from narad.outbound.options import OutboundOptions
from narad.outbound.outbound import Outbound
from narad.worker import workspace
from narad.worker.attempt_log import AttemptLog, Keep
from narad.worker.desk import Answer, Desk
from narad.worker.signals import TaskCancelled
from narad.worker.spawning import Named, SpawnKeys, Wish, checkpoint_of, json_payload, name_of
from narad.worker.tracking import tracked, tracked_async
from narad.worker.workspace import Workspace

T = TypeVar("T")

if TYPE_CHECKING:
    import httpx2

Note: TypeAlias = Callable[[Progress], None]
Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_LONGEST_MESSAGE = 500
_opening = threading.Lock()
"""One for all: it is held once in an attempt that logs, or has a directory."""

_LEVELS = frozenset(LogLevel)


def _forget(_line: LogLine) -> None:
    return


class Reported(Awaitable[None]):
    """What `progress` and `log` return, so that `async def` handlers may await it and `def` handlers need not."""

    @override
    def __await__(self) -> Generator[None, None, None]:
        yield from asyncio.sleep(0).__await__()


class Context:
    """One attempt of one task, for its handler.

    The same object serves `async def` and `def` handlers; everything on it may be used from any thread.
    """

    def __init__(
        self,
        task: ClaimedTask,
        clock: Clock,
        note: Note,
        keep: Keep = _forget,
        desk: Desk | None = None,
        *,
        outbound: Outbound | None = None,
    ) -> None:
        """`note` takes progress, `keep` log lines, `desk` what is asked for, all from any thread; `outbound` is what
        the process calls by.
        """
        self._task = task
        self._clock = clock
        self._note = note
        self._keep = keep
        self._outbound = outbound
        self._http: httpx2.AsyncClient | None = None
        self._http_sync: httpx2.Client | None = None
        self._log: AttemptLog | None = None
        self._cancelled = False
        self._desk = desk
        self._checkpoint: Json = None
        self._workspace: Workspace | None = None
        self._spawn_keys: SpawnKeys | None = None

    @property
    def task_id(self) -> UUID:
        """The id of the task."""
        return self._task.id

    @property
    def attempt(self) -> int:
        """The number of this execution; it grows with every claim, also after a lost worker or a drain."""
        return self._task.attempt

    @property
    def failures(self) -> int:
        """How many attempts of this task failed before; one more than `max_attempts - 2` means: the last try."""
        return self._task.failures

    @property
    def max_attempts(self) -> int:
        """How many failed attempts the task is allowed."""
        return self._task.max_attempts

    @property
    def priority(self) -> Priority:
        """The priority of the task."""
        return self._task.priority

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the task."""
        return self._task.tags

    @property
    def deadline(self) -> datetime | None:
        """When the time limit of this attempt is over; None without a limit."""
        return self._task.deadline_at

    @property
    def idempotency_token(self) -> str:
        """Stable over all attempts of the task: hand it to outside systems that recognise repetitions."""
        return str(self._task.id)

    @property
    def checkpoint(self) -> Json:
        """What was saved last, by this attempt or one before; None where nothing was. It is not to be changed."""
        return self._checkpoint

    @property
    def tmpdir(self) -> Path:
        """A directory for this attempt alone, made on first use and removed when the attempt has ended."""
        if self._workspace is None:
            with _opening:
                if self._workspace is None:
                    self._workspace = workspace.make(self.task_id, self.attempt)
        return self._workspace.place

    @property
    def cancelled(self) -> bool:
        """Whether the handler should stop: on request, at its time limit, or because the worker stops."""
        return self._cancelled

    @property
    def http(self) -> "httpx2.AsyncClient":
        """An HTTP client for `async def` handlers, guarded against calling what is not public.

        Cookies and headers set on it are those of this attempt; its connections are shared by the worker.

        Raises:
            RuntimeError: no loop runs here, since the handler is no `async def`.
        """
        if self._http is None:
            if not _on_loop():
                raise RuntimeError("ctx.http is for async def handlers; a def handler calls ctx.http_sync.")
            self._http = self.outbound.client()
        return self._http

    @property
    def http_sync(self) -> "httpx2.Client":
        """The same for `def` handlers.

        Raises:
            RuntimeError: a loop runs here, and a call would hold up everything on it.
        """
        if _on_loop():
            raise RuntimeError("ctx.http_sync would hold up the worker; an async def handler awaits ctx.http.")
        if self._http_sync is None:
            self._http_sync = self.outbound.sync_client()
        return self._http_sync

    @property
    def outbound(self) -> Outbound:
        """What `http` and `http_sync` call by, and signs what is sent."""
        if self._outbound is None:
            self._outbound = Outbound(OutboundOptions())
        return self._outbound

    def remaining(self) -> float | None:
        """Seconds until the deadline, never below 0; None without a limit."""
        if self.deadline is None:
            return None
        return max(0.0, (self.deadline - self._clock.now()).total_seconds())

    def raise_if_cancelled(self) -> None:
        """Raise where the handler should stop; for `def` handlers, between two steps."""
        if self.cancelled:
            raise TaskCancelled("The task was asked to stop.")

    def progress(self, value: SupportsFloat, message: str | None = None) -> Reported:
        """Report how far the work is, from 0 to 1; may be called as often as it is convenient.

        Raises:
            ValueError: the value is not a number between 0 and 1, or the message cannot be stored.
        """
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"progress must be a number between 0 and 1, not a {type(value).__name__}") from error
        if not 0 <= number <= 1:
            raise ValueError(f"progress must be between 0 and 1, not {number}")
        text = None if message is None else check_text(message)[:_LONGEST_MESSAGE]
        self._note(Progress(value=number, message=text))
        return Reported()

    def log(self, message: str, level: Level = "INFO") -> Reported:
        """Keep a line with the task, for people to read; from the start, as much of it as is kept.

        Raises:
            ValueError: there is no such level.
        """
        if level not in _LEVELS:
            raise ValueError(f"level must be one of {', '.join(LogLevel)}, not {level!r:.100}")
        self._opened_log().add(LogLevel(level), str(message))
        return Reported()

    @overload
    def track(
        self, items: AsyncIterable[T], total: int | None = None, message: str | None = None
    ) -> AsyncIterator[T]: ...

    @overload
    def track(self, items: Iterable[T], total: int | None = None, message: str | None = None) -> Iterator[T]: ...

    def track(
        self, items: Iterable[T] | AsyncIterable[T], total: int | None = None, message: str | None = None
    ) -> Iterator[T] | AsyncIterator[T]:
        """Go through items, and report after each what part of them is done; stop where the handler should stop.

        Without `total`, for items that do not know how many they are, there is no progress.
        """

        def report(value: float) -> None:
            self.progress(value, message)

        if isinstance(items, AsyncIterable):
            return tracked_async(items, total, report, self.raise_if_cancelled)
        return tracked(items, total, report, self.raise_if_cancelled)

    def save_checkpoint(self, value: object) -> Answer[None]:
        """Save where to go on, as JSON, in the place of what was saved before; later attempts find it.

        `async def` handlers await it. In `def` handlers it is saved when this returns.

        Raises:
            ValueError: the value is not JSON, or larger than 64 KiB.
            TaskCancelled: the attempt is over for the service; another one may have begun.
        """
        return cast("Answer[None]", self.ask(checkpoint_of(value)))

    def spawn(
        self,
        handler: str | Named,
        payload: Mapping[str, object] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        priority: Priority | Literal["LOW", "MEDIUM", "HIGH"] | None = None,
        queue: str | None = None,
        tags: Sequence[str] = (),
        delay: float | timedelta = 0.0,
        timeout: float | timedelta | None = None,
        expires_in: float | timedelta | None = None,
        max_attempts: int | None = None,
        key: str | None = None,
    ) -> Answer[UUID]:
        """Create a follow-up task, once, however many attempts this task takes.

        A later attempt that asks for the same follow-up gets the one that there is. It is the same by its `key`, or,
        without one, by its handler and payload, and by how often this attempt has asked for these.

        `async def` handlers await the id of the follow-up. In `def` handlers it is stored when this returns, and
        `.result()` is its id.

        Raises:
            SpawnError: no worker offers the handler, or the payload does not fit it.
            ValueError: a value is not valid, or there are too many follow-ups.
            TaskCancelled: the attempt is over for the service; another one may have begun.
        """
        wish = Wish(
            name=name,
            description=description,
            priority=priority,
            queue=queue,
            tags=tuple(tags),
            delay=delay,
            timeout=timeout,
            expires_in=expires_in,
            max_attempts=max_attempts,
            key=key,
        )
        wish.check()
        target, arguments = name_of(handler), json_payload(payload)
        with _opening:
            self._spawn_keys = self._spawn_keys or SpawnKeys()
            counted = self._spawn_keys.of(target, arguments, key)
        return cast("Answer[UUID]", self.ask(wish.spawn(target, arguments, counted)))

    def ask(self, request: Request) -> Answer[UUID | None]:
        """Hand on what the handler asks for; the process of a handler asks its worker by this too."""
        if self._desk is None:
            raise RuntimeError("this context has no store behind it")
        return self._desk.ask(self, request)

    def resume(self, checkpoint: Json) -> None:
        """Begin where an attempt before has saved it; the processor's side."""
        self._checkpoint = checkpoint

    def relay(self, number: int, level: LogLevel, message: str, *, age: timedelta) -> None:
        """Keep a line that the process of the handler has numbered so long ago; the worker's side."""
        self._opened_log().put(number, level, message, age)

    def close_log(self) -> bool:
        """Take no more lines; whether there were any. The processor's side."""
        if self._log is None:
            return False
        self._log.close()
        return True

    def _opened_log(self) -> AttemptLog:
        if self._log is None:
            with _opening:
                if self._log is None:
                    self._log = AttemptLog(self._task, self._clock, self._keep)
        return self._log

    @property
    def has_tmpdir(self) -> bool:
        """Whether there is a directory to be removed; the executor's side."""
        return self._workspace is not None

    def remove_tmpdir(self) -> None:
        """Remove the directory, if there is one; the executor's side."""
        made, self._workspace = self._workspace, None
        if made is not None:
            made.remove()

    def cancel(self) -> None:
        """Make `cancelled` true; the processor's side."""
        self._cancelled = True


def _on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
