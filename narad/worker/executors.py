"""How handlers run: `async def` on the loop of the worker, `def` in threads."""

import asyncio
import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from narad.worker.handler import AnyHandler


class Executor(Protocol):
    """Runs the function of a handler; being cancelled asks it to stop."""

    async def run(self, handler: AnyHandler, arguments: Mapping[str, object]) -> object:
        """What the function returns, or raises."""
        ...


class LoopExecutor:
    """`async def`: an ordinary asyncio task; cancelling it raises CancelledError where the handler waits."""

    async def run(self, handler: AnyHandler, arguments: Mapping[str, object]) -> object:
        result: object = await handler.function(**arguments)
        return result


class ThreadExecutor:
    """`def`: a thread for each slot. A thread cannot be stopped from outside; the handler looks at its context."""

    def __init__(self, slots: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="narad-handler")

    async def run(self, handler: AnyHandler, arguments: Mapping[str, object]) -> object:
        call = partial(contextvars.copy_context().run, partial(handler.function, **arguments))
        running = asyncio.get_running_loop().run_in_executor(self._pool, call)
        while not running.done():
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                # The wish to stop is in the context; the slot stays busy until the thread is really free.
                if running.cancelled():
                    raise
        return running.result()

    def close(self) -> None:
        """Let go of idle threads; busy ones end with their handlers."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Executors:
    """The executor for each kind of handler."""

    def __init__(self, slots: int) -> None:
        self._loop = LoopExecutor()
        self._threads = ThreadExecutor(slots)

    def of(self, handler: AnyHandler) -> Executor:
        """The executor that runs this handler."""
        return self._loop if handler.is_async else self._threads

    def close(self) -> None:
        """Let go of what the executors hold."""
        self._threads.close()
