"""The process of a handler with `isolation="process"`: reads jobs, runs them one by one, says how each ended.

It leads a process group of its own, so that a kill takes whatever the handler has started with it. When its worker is
gone, however that happened, it kills that group itself: no attempt outlives its worker for long.

SIGTERM asks the job to stop. Where no code of a handler runs, before a job or after it, it simply ends the process.
"""

import asyncio
import contextlib
import os
import queue
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from narad.clock import SystemClock
from narad.domain.log_line import LogLine
from narad.domain.outcome import Completed, HandedBack, Outcome
from narad.domain.task import Progress
from narad.errors import ConfigurationError
from narad.outbound.outbound import Outbound
from narad.worker import folding, wire
from narad.worker.attempt_log import Keep
from narad.worker.child_desk import ChildDesk
from narad.worker.context import Context, Note
from narad.worker.current import make_current
from narad.worker.handler import AnyHandler
from narad.worker.loading import load_handler
from narad.worker.signals import TaskCancelled
from narad.worker.stage import Stage

_PROGRESS_PAUSE_SECONDS = 0.25
"""At most four reports in a second: more would only keep the worker from its work."""


class Voice:
    """Speaks to the worker: progress and log lines, not too often, and the end of each job."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._speaking = threading.Lock()
        # A queue, since a signal may interrupt `note` anywhere: an interrupted put leaves no lock behind.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._rung = False
        self._job = 0
        self._latest: Progress | None = None
        self._said: Progress | None = None
        self._logged: queue.SimpleQueue[tuple[int, LogLine]] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._report, name="narad-progress", daemon=True).start()
        threading.Thread(target=self._pass_on, name="narad-asked", daemon=True).start()

    def begin(self) -> tuple[Note, Keep]:
        """Say that a job is in hand; returns what takes its progress and its log, from any thread, until it ends."""
        with self._speaking:
            self._say(wire.taken_line())
        return partial(self._note, self._job), partial(self._keep, self._job)

    def ask(self, line: bytes) -> None:
        """Say soon what a handler asks for. A queue, for the same reason."""
        self._asked.put(line)

    def end(self, outcome: Outcome, *, holds: bool) -> None:
        """Say how the job ended, after all else that it has to say."""
        with self._speaking:
            self._say_asked()
            self._say_logged()
            self._job += 1
            self._say_latest()
            self._latest = self._said = None
            self._say(wire.ended_line(wire.Ended(outcome=outcome, resident_bytes=_resident_bytes(), holds=holds)))

    def _note(self, job: int, progress: Progress) -> None:
        if job != self._job:
            return
        self._latest = progress
        self._ring()

    def _keep(self, job: int, line: LogLine) -> None:
        self._logged.put((job, line))
        self._ring()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    def _report(self) -> None:
        while True:
            self._bell.get()
            self._rung = False
            with self._speaking:
                self._say_logged()
                self._say_latest()
            time.sleep(_PROGRESS_PAUSE_SECONDS)

    def _pass_on(self) -> None:
        while True:
            line = self._asked.get()
            with self._speaking:
                self._say(line)

    def _say_asked(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._say(self._asked.get_nowait())

    def _say_latest(self) -> None:
        progress = self._latest
        if progress is not None and progress is not self._said:
            self._said = progress
            self._say(wire.progress_line(progress))

    def _say_logged(self) -> None:
        """Say what was logged; not what a thread that outlived its job has put there since."""
        with contextlib.suppress(queue.Empty):
            while True:
                job, line = self._logged.get_nowait()
                if job == self._job:
                    self._say(wire.logged_line(line))

    def _say(self, line: bytes) -> None:
        try:
            self._answers.write(line)
            self._answers.flush()
        except BrokenPipeError:
            _end_group()


class Interrupt:
    """What SIGTERM does to a `def` handler: stops it where it is, once, so that its `finally` blocks run in peace."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._armed = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._context.cancel()
        self._strike()

    def around(self, call: Callable[[], object]) -> object:
        """Call a function that SIGTERM stops."""
        try:
            self._armed = True
            if self._context.cancelled:
                self._strike()
            return call()
        finally:
            self._armed = False

    def _strike(self) -> None:
        if self._armed:
            self._armed = False
            raise TaskCancelled("The task was asked to stop.")


def main() -> None:
    """Serve jobs from standard input until it ends, or until the worker says goodbye."""
    pipe, answers = _take_pipes()
    opening = wire.read_opening(pipe.readline())
    sys.path[:] = opening.path
    outbound = Outbound(opening.outbound)
    voice, stage = Voice(answers), Stage()
    desk = ChildDesk(voice.ask)
    jobs: queue.SimpleQueue[wire.Job | wire.Bye] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, jobs, desk), name="narad-orders", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while isinstance(job := jobs.get(), wire.Job):
        outcome = _run(job, voice, desk, stage, outbound)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        voice.end(outcome, holds=stage.holds)
    stage.close()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the worker, out of the reach of handlers: what these print goes where the worker logs."""
    orders, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return orders, answers


def _listen(pipe: BinaryIO, jobs: "queue.SimpleQueue[wire.Job | wire.Bye]", desk: ChildDesk) -> None:
    try:
        for line in pipe:
            match wire.read_order(line):
                case wire.Reply() as reply:
                    desk.hear(reply)
                case job:
                    jobs.put(job)
    finally:
        _end_group()


def _end_group() -> None:
    """The worker is gone."""
    os.killpg(0, signal.SIGKILL)


def _run(job: wire.Job, voice: Voice, desk: ChildDesk, stage: Stage, outbound: Outbound) -> Outcome:
    context = Context(job.task, SystemClock(), *voice.begin(), desk, outbound=outbound)
    context.resume(job.checkpoint)
    desk.begin(context)
    make_current(context)
    try:
        handler = load_handler(job.module, job.name)
        stage.prepare(job.module, job.lifespan_seconds)
    except ConfigurationError as error:
        return folding.unexpected(error)
    given = stage.given_to(handler)
    call = partial(_call_async if handler.is_async else _call, handler, context, given, stage)
    outcome = folding.folded(handler, job.task.payload, context, call, job.most_result_bytes)
    context.close_log()
    context.remove_tmpdir()
    if context.cancelled and not isinstance(outcome, Completed):
        # Where the worker asked, it knows why. Anybody else, such as an init system that ends a whole group of
        # processes, has no say in what becomes of the task.
        return HandedBack("the process of the handler was told to stop")
    return outcome


def _call(
    handler: AnyHandler, context: Context, given: dict[str, object], _stage: Stage, arguments: dict[str, object]
) -> object:
    interrupt = Interrupt(context)
    signal.signal(signal.SIGTERM, interrupt)
    return interrupt.around(partial(handler.function, **arguments, **given))


def _call_async(
    handler: AnyHandler, context: Context, given: dict[str, object], stage: Stage, arguments: dict[str, object]
) -> object:
    return stage.run(_cancellable(handler, context, arguments | given))


async def _cancellable(handler: AnyHandler, context: Context, arguments: dict[str, object]) -> object:
    """Run an `async def` handler so that SIGTERM cancels it."""
    running = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        context.cancel()
        if running is not None:
            running.cancel()

    # A loop that serves one task after the other has a context of its own.
    make_current(context)
    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        result: object = await handler.function(**arguments)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        # Its connections are those of this task alone, and on this loop.
        await context.outbound.close()
    return result


def _resident_bytes() -> int:
    """Memory in use, where the system tells; else the most that ever was (getrusage, in kilobytes on Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
