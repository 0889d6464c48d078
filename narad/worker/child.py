"""The process of a handler with `isolation="process"`: reads jobs, runs them one by one, says how each ended.

It leads a process group of its own, so that a kill takes whatever the handler has started with it. When its worker is
gone, however that happened, it kills that group itself: no attempt outlives its worker for long.
"""

import asyncio
import contextlib
import os
import queue
import resource
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from narad.clock import SystemClock
from narad.domain.outcome import Cancelled, Outcome
from narad.worker import folding, wire
from narad.worker.catalogue import load_handlers
from narad.worker.context import Context
from narad.worker.handler import AnyHandler
from narad.worker.signals import TaskCancelled
from narad.worker.signature import PayloadError


def main() -> None:
    """Serve jobs from standard input until it ends. Standard output is ours; what handlers print goes to the log."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        job = wire.read_job(jobs.get())
        outcome = _run(job, answers)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        answers.write(wire.ended_line(wire.Ended(outcome=outcome, resident_bytes=_resident_bytes())))


def _read(jobs: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        jobs.put(line)
    os.killpg(0, signal.SIGKILL)


def _run(job: wire.Job, answers: BinaryIO) -> Outcome:
    context = Context(job.task, SystemClock(), lambda progress: _say(answers, wire.progress_line(progress)))
    handler = load_handlers([job.module])[job.name]
    try:
        arguments = handler.signature.bind(job.task.payload, context)
    except PayloadError as error:
        return folding.refused(error)
    call = partial(handler.function, **arguments)
    try:
        if handler.is_async:
            call = partial(asyncio.run, _cancellable(handler, arguments, context))
        else:
            signal.signal(signal.SIGTERM, partial(_interrupt, context))
        return folding.folded(handler, call, job.most_result_bytes)
    except (TaskCancelled, asyncio.CancelledError):
        return Cancelled()


async def _cancellable(handler: AnyHandler, arguments: dict[str, object], context: Context) -> object:
    """Run an `async def` handler so that SIGTERM cancels it."""
    running = asyncio.ensure_future(handler.function(**arguments))

    def stop() -> None:
        context.cancel()
        running.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    result: object = await running
    return result


def _interrupt(context: Context, _number: int, _frame: FrameType | None) -> None:
    """On SIGTERM, stop a `def` handler where it is: its `finally` blocks still run."""
    context.cancel()
    raise TaskCancelled("The task was asked to stop.")


def _say(answers: BinaryIO, line: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        answers.write(line)


def _resident_bytes() -> int:
    """Memory in use, where the system tells; else the most that ever was (getrusage, in kilobytes on Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
