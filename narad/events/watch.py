"""A wait for one task: it is told when the task is worth reading again."""

import asyncio
from uuid import UUID

from narad.domain.event import Mark, TaskEvent


class Watch:
    """Hears of one task; between two waits any number of hints are one."""

    def __init__(self, task_id: UUID, *, final_only: bool) -> None:
        """With `final_only` the way to the end does not count."""
        self.task_id = task_id
        self.version: int | None = None
        """The version that whoever waits has seen."""
        self._final_only = final_only
        self._news = asyncio.Event()
        self.ended = False

    def hear(self, event: TaskEvent) -> None:
        """Take a hint."""
        if event.is_final or not self._final_only:
            self._news.set()

    def see(self, mark: Mark) -> None:
        """Take what a look at the store has found."""
        if mark.status.is_final if self._final_only else mark.version != self.version:
            self._news.set()

    def end(self) -> None:
        """Make an end of waiting."""
        self.ended = True
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a hint, at most so long; returns whether there was one."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return not self.ended
