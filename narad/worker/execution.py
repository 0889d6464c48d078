"""One attempt while it runs: the work, the context, and why it was asked to stop, if it was."""

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

from narad.domain.outcome import Outcome
from narad.worker.context import Context


class StopReason(StrEnum):
    """Why a handler is asked to stop. Kept apart from the exception it sees, which is the same for all."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    DRAIN = "drain"
    LOST = "lost"


class Execution:
    """The work of one attempt. The first reason to stop wins: a cancel during a drain does not become a cancel."""

    def __init__(self, context: Context, work: Coroutine[Any, Any, Outcome], *, grace_seconds: float) -> None:
        """Begin the work, which gets `grace_seconds` to end once it is asked to stop."""
        self._loop = asyncio.get_running_loop()
        self._grace_seconds = grace_seconds
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self._grace: asyncio.TimerHandle | None = None
        self.context = context
        self.reason: StopReason | None = None
        # A task of its own: whatever a handler does to the task that runs it, ours goes on.
        self.work = self._loop.create_task(work)
        self.work.add_done_callback(self._settle)

    def stop(self, reason: StopReason) -> None:
        """Ask the handler to stop."""
        if self.reason is not None or self.work.done():
            return
        self.reason = reason
        self.context.cancel()
        self.work.cancel()
        self._grace = self._loop.call_later(self._grace_seconds, self._settle)

    async def wait(self, *, limit_seconds: float | None) -> bool:
        """Wait for the work to end, asking it to stop at its time limit; returns whether it did end.

        It does not end where a handler swallows its cancellation, or is a thread that never looks.
        """
        limit = None
        if limit_seconds is not None:
            limit = self._loop.call_later(limit_seconds, self.stop, StopReason.TIMEOUT)
        await self._settled
        for timer in (limit, self._grace):
            if timer is not None:
                timer.cancel()
        return self.work.done()

    def _settle(self, _work: asyncio.Task[Outcome] | None = None) -> None:
        if not self._settled.done():
            self._settled.set_result(None)
