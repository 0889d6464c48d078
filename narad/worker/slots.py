"""The slots of a worker: what runs in them, and waiting until they are free."""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from narad.domain.task import ClaimedTask

log = structlog.get_logger(__name__)


class Slots:
    """So many tasks run at once."""

    def __init__(
        self, number: int, run: Callable[[ClaimedTask], Coroutine[None, None, None]], failed: Callable[[], None]
    ) -> None:
        """`run` is the whole of one task; `failed` hears when that itself raises, which no handler can bring about."""
        self._number = number
        self._run = run
        self._failed = failed
        self._running: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._hurried = asyncio.Event()

    @property
    def busy(self) -> int:
        """Slots in use, those of handlers that ignore their stop included."""
        return len(self._running)

    @property
    def free(self) -> int:
        """Slots in which a task can start."""
        return self._number - len(self._running)

    def start(self, task: ClaimedTask) -> None:
        """Run a task in a free slot."""
        running = asyncio.create_task(self._run(task))
        self._running.add(running)
        running.add_done_callback(self._ended)

    def expect(self) -> None:
        """Begin to look out for a slot that becomes free."""
        self._freed.clear()

    async def freed(self) -> None:
        """Wait until one has become free since `expect`, or somebody calls `wake`."""
        await self._freed.wait()

    def wake(self) -> None:
        """End a wait for a free slot."""
        self._freed.set()

    def hurry(self) -> None:
        """End each wait of `let_end`, now and from now on."""
        self._hurried.set()

    async def let_end(self, seconds: float) -> None:
        """Wait until nothing runs any more, at most so long, or until somebody is in a hurry."""
        waits = {asyncio.create_task(self._idle()), asyncio.create_task(_set(self._hurried))}
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _idle(self) -> None:
        while self._running:
            await asyncio.wait(self._running)

    def _ended(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self._freed.set()
        if not running.cancelled() and (error := running.exception()) is not None:
            log.error("processor.failed", exc_info=error)
            self._failed()


async def _set(event: asyncio.Event) -> None:
    await event.wait()
