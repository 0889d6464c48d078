"""One attempt while it runs: the work, the context, and why it was asked to stop, if it was."""

import asyncio
from collections.abc import Awaitable
from enum import StrEnum

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

    def __init__(self, context: Context, work: Awaitable[Outcome]) -> None:
        self.context = context
        self.reason: StopReason | None = None
        self.stopped = asyncio.Event()
        self.work = asyncio.ensure_future(work)

    def stop(self, reason: StopReason) -> None:
        """Ask the handler to stop."""
        if self.reason is None:
            self.reason = reason
            self.stopped.set()

    async def wait(self, *, limit_seconds: float | None, grace_seconds: float) -> bool:
        """Wait for the work to end, asking it to stop at its time limit; returns whether it did end.

        It does not end where a handler swallows its cancellation, or is a thread that never looks.
        """
        stopped = asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait({self.work, stopped}, timeout=limit_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if self.work.done():
            return True
        self.stop(StopReason.TIMEOUT)
        self.context.cancel()
        self.work.cancel()
        await asyncio.wait({self.work}, timeout=grace_seconds)
        return self.work.done()
