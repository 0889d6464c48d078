"""A thread that sees when the event loop stands still, and says which handler holds it up.

An `async def` handler that computes, or waits without `await`, keeps all others of its worker from going on. The loop
cannot tell: it is the one that does not run. The thread looks at what the thread of the loop does.
"""

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from types import CodeType, FrameType

import structlog

from narad.worker.handler import AnyHandler

log = structlog.get_logger(__name__)

_LOOKS = 4
"""Looks within the time that is allowed."""
_LONGEST_PAUSE_SECONDS = 0.5
_END_SECONDS = 1.0


class LoopWatch:
    """Asks the loop for a sign of life again and again, and looks at its stack when none comes."""

    def __init__(self, handlers: Iterable[AnyHandler], *, limit_seconds: float) -> None:
        """It says something of a loop that gave no sign of life for so long."""
        self._handlers: Mapping[CodeType, str] = dict(_codes(handlers))
        self._limit_seconds = limit_seconds
        self._pause_seconds = min(_LONGEST_PAUSE_SECONDS, limit_seconds / _LOOKS)
        self._stopping = threading.Event()
        self._alive = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the loop that runs in this thread."""
        watched = asyncio.get_running_loop(), threading.get_ident()
        self._thread = threading.Thread(target=self._watch, args=watched, name="narad-loop-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
        self._alive.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def _watch(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        while not self._stopping.wait(self._pause_seconds):
            self._alive.clear()
            asked_at = time.monotonic()
            try:
                loop.call_soon_threadsafe(self._alive.set)
            except RuntimeError:
                return  # the loop is closed
            if self._alive.wait(self._limit_seconds):
                continue
            name, place = self._culprit(thread_id)
            log.warning("worker.loop_blocked", handler=name, at=place, seconds=self._limit_seconds)
            self._alive.wait()
            seconds = round(time.monotonic() - asked_at, 3)
            log.warning("worker.loop_freed", handler=name, at=place, seconds=seconds)

    def _culprit(self, thread_id: int) -> tuple[str | None, str]:
        """The handler on the stack of the thread, if there is one, and where the thread is right now."""
        frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - the documented way to another thread's stack
        if frame is None:
            return None, "nowhere"
        place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        return self._handler_on(frame), place

    def _handler_on(self, frame: FrameType | None) -> str | None:
        while frame is not None:
            name = self._handlers.get(frame.f_code)
            if name is not None:
                return name
            frame = frame.f_back
        return None


def _codes(handlers: Iterable[AnyHandler]) -> Iterable[tuple[CodeType, str]]:
    """The code of each handler that runs on the loop, also behind other decorators."""
    for handler in handlers:
        code = getattr(inspect.unwrap(handler.function), "__code__", None)
        if handler.is_async and handler.options.isolation is None and code is not None:
            yield code, handler.name
