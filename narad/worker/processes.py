"""Handlers in processes of their own: one child for each running task, kept for the next, and really killable."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass

import structlog

from narad.domain.outcome import Failed, Outcome
from narad.domain.task import ClaimedTask, Progress, TaskError
from narad.worker import wire
from narad.worker.context import Context
from narad.worker.handler import AnyHandler

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """When a child is told to go: after so many tasks, or holding so much memory; and how long it has to obey."""

    grace_seconds: float
    most_tasks: int
    most_bytes: int


class Child:
    """One process that runs one job at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.jobs = 0
        self.resident_bytes = 0

    @classmethod
    async def spawn(cls) -> "Child":
        """Start a child, at the head of a session and so of a process group of its own."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "narad.worker.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=wire.LONGEST_LINE,
            )
        )

    async def run(self, job: wire.Job, context: Context) -> Outcome:
        """Run a job; a child that ends without a word becomes a failure that says how."""
        self.jobs += 1
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a child is made with pipes")
        self._process.stdin.write(wire.job_line(job))
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.drain()
        async for line in self._process.stdout:
            answer = wire.read_answer(line)
            if isinstance(answer, Progress):
                context.progress(answer.value, answer.message)
            else:
                self.resident_bytes = answer.resident_bytes
                return answer.outcome
        return Failed(error=_ended(await self._process.wait()))

    @property
    def alive(self) -> bool:
        """Whether it can take another job."""
        return self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def kill(self) -> None:
        """End it and whatever it has started."""
        self.signal(signal.SIGKILL)
        await self._process.wait()


class ProcessExecutor:
    """Children, idle and busy. There are never more than slots, since each running task holds one."""

    def __init__(self, most_result_bytes: int, limits: ProcessLimits) -> None:
        self._most_result_bytes = most_result_bytes
        self._limits = limits
        self._idle: list[Child] = []

    async def run(self, handler: AnyHandler, task: ClaimedTask, context: Context) -> Outcome:
        """Run a handler in a child. Cancelled: SIGTERM, the grace, then SIGKILL, to its whole group."""
        job = wire.Job(
            module=handler.function.__module__, name=handler.name, task=task, most_result_bytes=self._most_result_bytes
        )
        child = self._idle.pop() if self._idle else await Child.spawn()
        running = asyncio.ensure_future(child.run(job, context))
        try:
            outcome = await asyncio.shield(running)
        except asyncio.CancelledError:
            await self._stop(child, running)
            raise
        await self._release(child)
        return outcome

    async def close(self) -> None:
        """End idle children; busy ones end with their tasks."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(child.kill() for child in idle))

    async def _stop(self, child: Child, running: "asyncio.Future[Outcome]") -> None:
        child.signal(signal.SIGTERM)
        await asyncio.wait({running}, timeout=self._limits.grace_seconds)
        # Also after a polite end: what the handler has started must not live on.
        await child.kill()
        await asyncio.wait({running})

    async def _release(self, child: Child) -> None:
        limits = self._limits
        if child.alive and child.jobs < limits.most_tasks and child.resident_bytes <= limits.most_bytes:
            self._idle.append(child)
        else:
            log.debug("child.retired", jobs=child.jobs, resident_bytes=child.resident_bytes)
            await child.kill()


def _ended(code: int) -> TaskError:
    if code < 0:
        name = signal.Signals(-code).name
        return TaskError(type="ProcessKilled", message=f"The process of the handler was killed by {name}.")
    return TaskError(type="ProcessExited", message=f"The process of the handler ended with exit code {code}.")
