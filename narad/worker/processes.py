"""Handlers in processes of their own: one child for each running task, kept for the next, and really killable."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import cast

import structlog
from typing_extensions import override

from narad.domain.outcome import Completed, Failed, Outcome
from narad.domain.task import ClaimedTask, Progress, TaskError
from narad.outbound.options import OutboundOptions
from narad.worker import wire, workspace
from narad.worker.context import Context
from narad.worker.handler import AnyHandler

log = structlog.get_logger(__name__)

_LAST_WORDS_SECONDS = 1.0
"""How long a pipe is read after its process has ended, in case something outside the group holds it open."""
_LONGEST_END_SECONDS = 5.0
_STDOUT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """When a child is told to go: after so many tasks, or holding so much memory; and how long it has to obey."""

    grace_seconds: float
    most_tasks: int
    most_bytes: int
    lifespan_seconds: float = 60.0


class Child(asyncio.SubprocessProtocol):
    """One process that runs one job at a time."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.jobs = 0
        self.taken = False
        """Whether it has its latest job in hand; until then no code of the handler has run."""
        self.resident_bytes = 0
        self.holds = False
        """Whether it has something to close at its end."""
        self._replying: set[asyncio.Task[None]] = set()
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when the process has ended and its pipes are closed."""
        self._loop = loop
        self._transport: asyncio.SubprocessTransport
        self._line: list[bytes] = []
        self._context: Context | None = None
        self._outcome: asyncio.Future[Outcome] | None = None
        self._drained = False
        self._exited = False
        self._silent = False

    @classmethod
    async def spawn(cls, outbound: OutboundOptions) -> "Child":
        """Start a child, at the head of a session and so of a process group of its own."""
        _, child = await asyncio.get_running_loop().subprocess_exec(
            cls,
            sys.executable,
            "-m",
            "narad.worker.child",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            start_new_session=True,
        )
        child.write(wire.opening_line(wire.Opening(path=sys.path, outbound=outbound)))
        return child

    @property
    def pid(self) -> int:
        """Its process, which is its process group too."""
        return self._transport.get_pid()

    @property
    def alive(self) -> bool:
        """Whether it can take another job."""
        return self._transport.get_returncode() is None and not self._silent

    async def run(self, job: wire.Job, context: Context) -> Outcome:
        """Run a job; a child that ends without a word becomes a failure that says how."""
        self.jobs += 1
        self.taken = False
        self._context = context
        outcome = self._outcome = self._loop.create_future()
        if self.alive:
            self.write(wire.job_line(job))
        else:
            self._give_up()
        ended: Outcome = await outcome
        return ended

    def write(self, line: bytes) -> None:
        """Tell it something."""
        pipe = cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(0))
        # If its end of the pipe is closed, it has ended, and we hear of that by another way.
        if pipe is not None and not pipe.is_closing():
            pipe.write(line)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its whole group; none to one that may have another owner by now."""
        if self._transport.get_returncode() is None:
            self._signal_group(number)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Those of uvloop are no subclasses.
        self._transport = cast("asyncio.SubprocessTransport", transport)

    @override
    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *ends, rest = data.split(b"\n")
        for end in ends:
            line = b"".join([*self._line, end])
            self._line.clear()
            self._hear(line)
        if rest:
            self._line.append(rest)

    @override
    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd != _STDOUT:
            return
        self._drained = True
        # It is about to end, or could never again say how a job ended.
        self._signal_group(signal.SIGKILL)
        if self._exited:
            self._give_up()

    @override
    def process_exited(self) -> None:
        self._exited = True
        # What it has started must not live on; and while such a process holds the pipe open, the pipe does not end.
        self._signal_group(signal.SIGKILL)
        if self._drained:
            self._give_up()
        else:
            self._loop.call_later(_LAST_WORDS_SECONDS, self._give_up)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up()
        if not self.gone.done():
            self.gone.set_result(None)

    def _hear(self, line: bytes) -> None:
        if self._context is None or self._outcome is None or self._outcome.done():
            return
        try:
            self._take(wire.read_answer(line), self._context, self._outcome)
        except Exception as error:  # noqa: BLE001 - whoever waits for the outcome gets it
            self._outcome.set_exception(error)

    def _take(self, answer: wire.Answer, context: Context, outcome: "asyncio.Future[Outcome]") -> None:
        match answer:
            case wire.Taken():
                self.taken = True
            case Progress():
                context.progress(answer.value, answer.message)
            case wire.Logged():
                context.relay(answer.number, answer.level, answer.message, age=answer.age)
            case wire.Asked():
                replying = self._loop.create_task(self._reply(answer, context))
                self._replying.add(replying)
                replying.add_done_callback(self._replying.discard)
            case wire.Ended():
                self.resident_bytes = answer.resident_bytes
                self.holds = answer.holds
                outcome.set_result(answer.outcome)

    async def _reply(self, asked: wire.Asked, context: Context) -> None:
        """Do what the handler asks for, and tell it."""
        try:
            reply = wire.Reply(number=asked.number, task_id=await context.ask(asked.request))
        except Exception as error:  # noqa: BLE001 - whatever it is, the handler waits to hear of it
            reply = wire.refusal(asked.number, error)
        self.write(wire.reply_line(reply))

    def _give_up(self) -> None:
        """Nothing more will be heard."""
        self._silent = True
        self._transport.close()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(Failed(error=_ended(self._transport.get_returncode())))

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class ProcessExecutor:
    """Children, idle and busy. There are never more than slots, since each running task holds one."""

    def __init__(self, most_result_bytes: int, limits: ProcessLimits, outbound: OutboundOptions | None = None) -> None:
        self._most_result_bytes = most_result_bytes
        self._limits = limits
        self._outbound = outbound or OutboundOptions()
        self._idle: list[Child] = []
        self._leaving: set[Child] = set()
        self._closed = False

    async def run(self, handler: AnyHandler, task: ClaimedTask, context: Context) -> Outcome:
        """Run a handler in a child. Cancelled: SIGTERM, the grace, then SIGKILL, to its whole group."""
        job = wire.Job(
            module=handler.home,
            name=handler.name,
            task=task,
            checkpoint=context.checkpoint,
            most_result_bytes=self._most_result_bytes,
            lifespan_seconds=self._limits.lifespan_seconds,
        )
        try:
            return await self._serve(job, context)
        finally:
            # It is for us to remove: the process may have been killed.
            place = workspace.place_of(task.id, task.attempt)
            if place.exists():
                await asyncio.to_thread(workspace.remove, place)

    async def close(self) -> None:
        """End idle children; busy ones end with their tasks."""
        self._closed = True
        polite = any(child.holds for child in self._idle)
        while self._idle:
            self._take_leave(self._idle.pop())
        if self._leaving:
            patience = _LONGEST_END_SECONDS + (self._limits.lifespan_seconds if polite else 0.0)
            await asyncio.wait({child.gone for child in self._leaving}, timeout=patience)

    async def _serve(self, job: wire.Job, context: Context) -> Outcome:
        while True:
            child = await self._child()
            outcome = await self._run(child, job, context)
            self._release(child)
            if child.taken or child.jobs == 1:
                return outcome
            log.info("child.ended_idle", outcome=str(outcome))

    async def _run(self, child: Child, job: wire.Job, context: Context) -> Outcome:
        running = asyncio.ensure_future(child.run(job, context))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            return await self._stop(child, running)
        except BaseException:
            self._dismiss(child)
            raise

    async def _child(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            self._dismiss(child)
        spawning = asyncio.ensure_future(Child.spawn(self._outbound))
        try:
            return await asyncio.shield(spawning)
        except asyncio.CancelledError:
            self._dismiss(await spawning)
            raise

    async def _stop(self, child: Child, running: "asyncio.Future[Outcome]") -> Outcome:
        """Stop a job. What it completed in spite of that counts; whoever asked may want to keep it."""
        try:
            child.send(signal.SIGTERM)
            await asyncio.wait({running}, timeout=self._limits.grace_seconds)
        finally:
            # Also after a polite end: what the handler has started must not live on.
            self._dismiss(child)
        await asyncio.wait({running})
        if running.exception() is None and isinstance(outcome := running.result(), Completed):
            return outcome
        raise asyncio.CancelledError

    def _release(self, child: Child) -> None:
        limits = self._limits
        spent = child.jobs >= limits.most_tasks or child.resident_bytes > limits.most_bytes
        if child.alive and not spent and not self._closed:
            self._idle.append(child)
        else:
            log.debug("child.retired", jobs=child.jobs, resident_bytes=child.resident_bytes)
            self._take_leave(child)

    def _take_leave(self, child: Child) -> None:
        """Let an idle child close what it holds, then end it."""
        if not (child.alive and child.holds):
            self._dismiss(child)
            return
        child.write(wire.bye_line())
        self._watch_leave(child)
        asyncio.get_running_loop().call_later(self._limits.lifespan_seconds, child.send, signal.SIGKILL)

    def _dismiss(self, child: Child) -> None:
        """End a child and whatever it has started."""
        child.send(signal.SIGKILL)
        self._watch_leave(child)

    def _watch_leave(self, child: Child) -> None:
        if not child.gone.done():
            self._leaving.add(child)
            child.gone.add_done_callback(lambda _gone: self._leaving.discard(child))


def _ended(code: int | None) -> TaskError:
    if code is not None and code < 0:
        return TaskError(type="ProcessKilled", message=f"The process of the handler was killed by {_name_of(-code)}.")
    return TaskError(type="ProcessExited", message=f"The process of the handler ended with exit code {code}.")


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
