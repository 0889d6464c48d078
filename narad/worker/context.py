"""What a handler is told about its task, and what it can say while it runs."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from typing import Literal, SupportsFloat, TypeAlias
from uuid import UUID

from typing_extensions import override

from narad.clock import Clock
from narad.domain.log_line import LogLevel, LogLine
from narad.domain.status import Priority
from narad.domain.storable import check_text
from narad.domain.task import ClaimedTask, Progress
from narad.worker.attempt_log import AttemptLog, Keep
from narad.worker.signals import TaskCancelled

Note: TypeAlias = Callable[[Progress], None]
Level: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_LONGEST_MESSAGE = 500
_opening = threading.Lock()
"""One for all: it is held once in an attempt that logs."""

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

    def __init__(self, task: ClaimedTask, clock: Clock, note: Note, keep: Keep = _forget) -> None:
        """`note` takes progress, `keep` log lines, both from any thread."""
        self._task = task
        self._clock = clock
        self._note = note
        self._keep = keep
        self._log: AttemptLog | None = None
        self._cancelled = False

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
    def cancelled(self) -> bool:
        """Whether the handler should stop: on request, at its time limit, or because the worker stops."""
        return self._cancelled

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

    def cancel(self) -> None:
        """Make `cancelled` true; the processor's side."""
        self._cancelled = True
