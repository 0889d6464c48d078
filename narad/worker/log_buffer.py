"""Log lines on their way to the store: those of all attempts of a worker together, seldom, and never too many."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

import structlog

from narad.domain.log_line import LogLevel, LogLine
from narad.errors import StoreUnavailableError

log = structlog.get_logger(__name__)

Write: TypeAlias = Callable[[Sequence[LogLine]], Awaitable[None]]

PAUSE_SECONDS = 0.25
"""Between two writes, but for those that an attempt ends with."""
AWAY_SECONDS = 1.0
"""The pause while the store is away."""
CAPACITY = 10_000
"""Lines that wait, of all attempts; a longer queue loses its oldest."""
BATCH = 500
"""Lines in one statement."""


class LogBuffer:
    """Takes lines from any thread and writes them in batches. While there are none, it costs nothing."""

    def __init__(self, write: Write, *, capacity: int = CAPACITY) -> None:
        self._write = write
        self._capacity = capacity
        self._loop = asyncio.get_running_loop()
        self._guard = threading.Lock()
        self._waiting: deque[LogLine] = deque()
        self._lost: dict[tuple[UUID, int], tuple[int, LogLine]] = {}
        """By attempt: how many lines were lost, and the last of them."""
        self._taken: Sequence[LogLine] = ()
        """What is being written; it stays until it is, for a write without an answer is repeated."""
        self._writing = asyncio.Lock()
        self._rung = False
        self._closing = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    def keep(self, line: LogLine) -> None:
        """Take a line."""
        with self._guard:
            if len(self._waiting) >= self._capacity:
                self._lose_oldest()
            self._waiting.append(line)
            rings, self._rung = not self._rung, True
        if rings:
            self._loop.call_soon_threadsafe(self._begin)

    async def flush(self) -> None:
        """Write the lines that are here by now.

        Raises:
            StoreUnavailableError: they wait for another time.
        """
        async with self._writing:
            for _ in range(1 + -(-len(self._waiting) // BATCH)):
                self._taken = self._taken or self._take()
                if not self._taken:
                    return
                await self._write_taken()
                self._taken = ()

    async def close(self) -> None:
        """Write what is left, if the store is there, and no more."""
        self._closing.set()
        if self._rounds is not None:
            await self._rounds
        try:
            await self.flush()
        except StoreUnavailableError as error:
            log.warning("log_lines.lost", reason=str(error))

    async def _write_taken(self) -> None:
        try:
            await self._write(self._taken)
        except StoreUnavailableError:
            raise
        except Exception:
            # Whatever there is against them would be so again, and no line is worth the outcome of an attempt.
            log.exception("log_lines.refused", lines=len(self._taken))

    def _begin(self) -> None:
        if not self._closing.is_set():
            self._rounds = asyncio.create_task(self._go_round())

    async def _go_round(self) -> None:
        pause = PAUSE_SECONDS
        while await self._pauses(pause):
            try:
                await self.flush()
                pause = PAUSE_SECONDS
            except StoreUnavailableError as error:
                log.warning("log_lines.store_unavailable", reason=str(error))
                pause = AWAY_SECONDS
            with self._guard:
                self._rung = bool(self._waiting or self._taken)
                if not self._rung:
                    return

    async def _pauses(self, seconds: float) -> bool:
        """Wait so long; False where this ends before."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False

    def _lose_oldest(self) -> None:
        line = self._waiting.popleft()
        key = line.task_id, line.attempt
        count, _ = self._lost.get(key, (0, line))
        self._lost[key] = count + 1, line

    def _take(self) -> Sequence[LogLine]:
        """The next batch; a line that says how many were lost has the number of the last of them."""
        with self._guard:
            lost = [_note(count, line) for count, line in self._lost.values()]
            self._lost.clear()
            return lost + [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]


def _note(count: int, line: LogLine) -> LogLine:
    lines = "1 line was" if count == 1 else f"{count} lines were"
    return replace(line, level=LogLevel.WARNING, message=f"{lines} lost up to here: the store was away for too long.")
