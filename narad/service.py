"""One life cycle for every loop: start, work until stopped, stop; a loop that dies by itself is noticed."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence

import structlog

log = structlog.get_logger(__name__)


class Service(ABC):
    """Something that runs in the background of the process.

    `start` returns when the service is at work. `stop` may be called at any time and any number of times, also before
    `start`; when it returns nothing of the service is left. A service never stops by itself: if its work ends or
    raises, `died` says so, and the process that runs it goes down loudly.
    """

    def __init__(self) -> None:
        self._loops: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.died: asyncio.Event = asyncio.Event()

    @property
    def name(self) -> str:
        """What logs call it."""
        return type(self).__name__

    @abstractmethod
    async def start(self) -> None:
        """Begin to work."""

    async def stop(self) -> None:
        """End the work: cancel what runs and wait for it."""
        self._stopping = True
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run one of the loops of this service."""
        task = asyncio.create_task(work, name=self.name)
        self._loops.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._loops.discard(task)
        if self._stopping:
            return
        # A loop may also end by a CancelledError that nobody meant for it: one that leaks out of what it waits for.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        log.error("service.died", service=self.name, exc_info=error)
        self.died.set()


async def stop_all(services: Sequence[Service]) -> None:
    """Stop services, the last started first; one that fails to stop does not keep the others alive."""
    for service in reversed(services):
        try:
            await service.stop()
        except Exception:
            log.exception("service.stop_failed", service=service.name)
