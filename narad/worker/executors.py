"""How handlers run: `async def` on the loop of the worker, `def` in threads, and either in a process of its own."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from narad.domain.outcome import Outcome
from narad.domain.task import ClaimedTask
from narad.outbound.options import OutboundOptions
from narad.worker import folding
from narad.worker.context import Context
from narad.worker.current import make_current
from narad.worker.handler import AnyHandler
from narad.worker.processes import ProcessExecutor, ProcessLimits
from narad.worker.resources import Resources
from narad.worker.signature import PayloadError


class Executor(Protocol):
    """Runs a handler for one task; being cancelled asks it to stop."""

    async def run(self, handler: AnyHandler, task: ClaimedTask, context: Context) -> Outcome:
        """How the attempt ended. Raises CancelledError where the handler let itself be stopped."""
        ...


class LoopExecutor:
    """`async def`: an ordinary asyncio task; cancelling it raises CancelledError where the handler waits."""

    def __init__(self, most_result_bytes: int, resources: Resources) -> None:
        self._most_result_bytes = most_result_bytes
        self._resources = resources

    async def run(self, handler: AnyHandler, task: ClaimedTask, context: Context) -> Outcome:
        try:
            arguments = handler.signature.bind(task.payload, context)
        except PayloadError as error:
            return folding.refused(error)
        if handler.signature.resources:
            arguments |= self._resources.given_to(handler)
        make_current(context)
        try:
            value: object = await handler.function(**arguments)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - asyncio would end the whole worker by a SystemExit
            return folding.raised(handler, error)
        finally:
            if context.has_tmpdir:
                await asyncio.to_thread(context.remove_tmpdir)
        return folding.returned(handler, value, self._most_result_bytes)


class ThreadExecutor:
    """`def`: a thread for each slot. A thread cannot be stopped from outside; the handler looks at its context."""

    def __init__(self, slots: int, most_result_bytes: int, resources: Resources) -> None:
        self._pool = ThreadPoolExecutor(max_workers=slots, thread_name_prefix="narad-handler")
        self._most_result_bytes = most_result_bytes
        self._resources = resources

    async def run(self, handler: AnyHandler, task: ClaimedTask, context: Context) -> Outcome:
        given = self._resources.given_to(handler) if handler.signature.resources else {}

        def call(arguments: dict[str, object]) -> object:
            try:
                return handler.function(**arguments, **given)
            finally:
                context.remove_tmpdir()

        make_current(context)
        fold = partial(folding.folded, handler, task.payload, context, call, self._most_result_bytes)
        fold = partial(contextvars.copy_context().run, fold)
        running = asyncio.get_running_loop().run_in_executor(self._pool, fold)
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

    def __init__(
        self,
        slots: int,
        most_result_bytes: int,
        process_limits: ProcessLimits,
        outbound: OutboundOptions | None = None,
        resources: Resources | None = None,
    ) -> None:
        resources = resources or Resources()
        self._loop = LoopExecutor(most_result_bytes, resources)
        self._threads = ThreadExecutor(slots, most_result_bytes, resources)
        self._processes = ProcessExecutor(most_result_bytes, process_limits, outbound)

    def of(self, handler: AnyHandler) -> Executor:
        """The executor that runs this handler."""
        if handler.options.isolation == "process":
            return self._processes
        return self._loop if handler.is_async else self._threads

    async def close(self) -> None:
        """Let go of what the executors hold."""
        self._threads.close()
        await self._processes.close()
