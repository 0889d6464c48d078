"""Writing the progress of an attempt: often enough for a person, seldom enough for the store."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from narad.domain.task import Progress

Report: TypeAlias = Callable[[Progress], Awaitable[object]]

REPORT_PAUSE_SECONDS = 0.25
"""At most four writes in a second; the last value is written in any case, with the outcome."""


class Reporter:
    """Takes progress from any thread and writes the latest, with a pause between two writes."""

    def __init__(self, report: Report) -> None:
        self.latest: Progress | None = None
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._pause: asyncio.Event | None = None
        self._writing: asyncio.Task[None] | None = None

    def note(self, progress: Progress) -> None:
        """Take the latest progress."""
        self.latest = progress
        self._loop.call_soon_threadsafe(self._start)

    async def close(self) -> None:
        """Write no more; the last value is left to the outcome."""
        self._closed = True
        if self._pause is not None:
            self._pause.set()
        if self._writing is not None:
            await self._writing

    def _start(self) -> None:
        if not self._closed and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        written: Progress | None = None
        self._pause = asyncio.Event()
        while self.latest is not written and not self._closed:
            written = self.latest
            if written is not None:
                await self._report(written)
            try:
                async with asyncio.timeout(REPORT_PAUSE_SECONDS):
                    await self._pause.wait()
            except TimeoutError:
                continue
