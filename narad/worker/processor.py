"""The processor runs exactly one task: find its handler, run it, decide, finish."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from narad.batcher import Batcher
from narad.clock import Clock
from narad.domain.decide import Decision, Finish, PutBack, decide
from narad.domain.event import EventType, of_decisions, of_running
from narad.domain.log_line import LogLine
from narad.domain.outcome import Cancelled, Completed, HandedBack, Outcome, timed_out
from narad.domain.retry import RetryPolicy
from narad.domain.task import ClaimedTask, Progress
from narad.errors import NaradError, OverloadedError, StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.outbound.outbound import Outbound
from narad.store.attempts import Attempts
from narad.store.log_lines import LogLines
from narad.tally import Tally
from narad.worker import folding
from narad.worker.context import Context
from narad.worker.execution import Execution, StopReason
from narad.worker.executors import Executors
from narad.worker.follow_ups import WorkerDesk, may_have_checkpoint
from narad.worker.handler import AnyHandler
from narad.worker.log_buffer import LogBuffer
from narad.worker.reporter import Reporter
from narad.worker.waits import policy_of

log = structlog.get_logger(__name__)

_UNKNOWN_HANDLER_SECONDS = 10.0
"""How long a task of a handler that this worker lacks is left to others."""
_WRITE_PAUSE_SECONDS = 0.5
_LATE_PAUSE_SECONDS = 5.0
_KILL_SECONDS = 2.0


class Processor:
    """Runs claimed tasks, each in a call of `run`."""

    def __init__(
        self,
        attempts: Attempts,
        log_lines: LogLines,
        handlers: Mapping[str, AnyHandler],
        executors: Executors,
        clock: Clock,
        tally: Tally,
        *,
        policy: RetryPolicy,
        grace_seconds: float,
        buffer: int,
        events: Announcer = SILENCE,
        outbound: Outbound | None = None,
        desk: WorkerDesk | None = None,
    ) -> None:
        self._desk = desk
        self._events = events
        self._outbound = outbound
        self._attempts = attempts
        self._log_lines = log_lines
        self._log = LogBuffer(self._write_lines)
        self._finishes: Batcher[Decision, bool] = Batcher(self._write_batch, capacity=buffer)
        self._handlers = handlers
        self._executors = executors
        self._clock = clock
        self._tally = tally
        self._policies = {name: policy_of(handler.options, policy) for name, handler in handlers.items()}
        self._grace_seconds = grace_seconds
        self._executions: dict[tuple[UUID, int], Execution] = {}
        self._held: dict[tuple[UUID, int], ClaimedTask] = {}

    async def run(self, task: ClaimedTask) -> None:
        """Run one attempt to its end; returns when the outcome is written and its slot is really free."""
        self._held[task.id, task.attempt] = task
        try:
            await self._run(task)
        finally:
            self._held.pop((task.id, task.attempt), None)

    def knows(self, task_id: UUID, attempt: int) -> bool:
        """Whether the attempt is in the hands of this processor."""
        return (task_id, attempt) in self._held

    def stop(self, task_id: UUID, attempt: int, reason: StopReason) -> bool:
        """Ask an attempt to stop; False where it does not run here."""
        execution = self._executions.get((task_id, attempt))
        if execution is None:
            return False
        execution.stop(reason)
        return True

    def stop_all(self, reason: StopReason) -> bool:
        """Ask every attempt to stop; whether there was one that had not been asked yet."""
        unasked = [execution for execution in self._executions.values() if execution.reason is None]
        for execution in unasked:
            execution.stop(reason)
        return bool(unasked)

    async def close(self) -> None:
        """Write what attempts logged that were not waited for."""
        await self._log.close()

    async def _run(self, task: ClaimedTask) -> None:
        handler = self._handlers.get(task.handler)
        if handler is None:
            log.warning("task.handler_unknown", task_id=str(task.id), handler=task.handler)
            outcome: Outcome = HandedBack("this worker lacks the handler", _UNKNOWN_HANDLER_SECONDS)
            await self._finish(task, decide(task, outcome, self._clock.now()))
            return
        await self._execute(task, handler)

    async def _execute(self, task: ClaimedTask, handler: AnyHandler) -> None:
        began = time.monotonic()
        reporter = Reporter(partial(self._report, task))
        context = Context(task, self._clock, reporter.note, self._log.keep, self._desk, outbound=self._outbound)
        work = self._outcome_of(handler, task, context)
        execution = Execution(context, work, grace_seconds=self._grace_of(handler))
        key = (task.id, task.attempt)
        self._executions[key] = execution
        try:
            ended = await execution.wait(limit_seconds=task.timeout_seconds)
            await reporter.close()
            outcome = _outcome(task, handler, execution)
            logged = context.close_log()
            if outcome is not None:
                if logged:
                    await self._flush_log(task)
                now = self._clock.now()
                ran_seconds = time.monotonic() - began
                decision = decide(task, outcome, now, self._policies[task.handler])
                if reporter.latest is not None:
                    decision = replace(decision, progress=reporter.latest)
                written = await self._finish(task, decision)
                if written is not None:
                    self._count(task, written, now, ran_seconds)
                    if context.checkpoint is not None and self._desk is not None and isinstance(outcome, Completed):
                        await self._desk.forget(context)
            if not ended:
                log.warning("task.handler_ignores_stop", task_id=str(task.id), handler=task.handler)
                await asyncio.wait({execution.work})
        finally:
            del self._executions[key]

    async def _outcome_of(self, handler: AnyHandler, task: ClaimedTask, context: Context) -> Outcome:
        """What the executor says; where it fails itself, that costs the attempt and never the worker."""
        try:
            if self._desk is not None and may_have_checkpoint(task):
                await self._desk.resume(context)
            return await self._executors.of(handler).run(handler, task, context)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.exception("executor.failed", task_id=str(task.id), handler=task.handler)
            return folding.unexpected(error)

    def _grace_of(self, handler: AnyHandler) -> float:
        """A process is killed by its executor at the end of the grace, and that has to be waited for."""
        patience = _KILL_SECONDS if handler.options.isolation == "process" else 0.0
        return self._grace_seconds + patience

    async def _finish(self, task: ClaimedTask, decision: Decision) -> Decision | None:
        """Write what became of the attempt, however long the store is away; returns what is known to be written."""
        written = await self._write(decision)
        if not written and isinstance(decision, PutBack):
            decision = decide(task, Cancelled(), self._clock.now())
            written = await self._write(decision)
        if written:
            return decision
        if written is None:
            log.info("task.finish_unanswered", task_id=str(task.id), attempt=task.attempt)
        else:
            log.warning("task.fenced", task_id=str(task.id), attempt=task.attempt)
        return None

    def _count(self, task: ClaimedTask, decision: Decision, ended_at: datetime, ran_seconds: float) -> None:
        """Count a task that has ended, and the times of an attempt that was neither snoozed nor handed back."""
        if isinstance(decision, Finish):
            self._tally.finished(task.handler, task.priority, decision.status)
        elif not decision.charge:
            return
        waited_seconds = (ended_at - task.run_at).total_seconds() - ran_seconds
        self._tally.timed(task.handler, task.priority, waited_seconds=waited_seconds, ran_seconds=ran_seconds)

    async def _write(self, decision: Decision) -> bool | None:
        """Write a decision; False where it is fenced.

        None where it is refused after a try without an answer: that try may have written it, or it is fenced.
        """
        pause = _WRITE_PAUSE_SECONDS
        refused: bool | None = False
        while True:
            try:
                return await self._finishes.submit(decision) or refused
            except (StoreUnavailableError, OverloadedError) as error:
                log.warning("task.finish_waits", task_id=str(decision.id), reason=str(error))
                refused = None
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATE_PAUSE_SECONDS)

    async def _write_batch(self, decisions: Sequence[Decision]) -> Sequence[bool]:
        now = self._clock.now()
        written = await self._attempts.finish(decisions, now=now)
        if self._events.wanted:
            claimed = [self._held.get((decision.id, decision.attempt)) for decision in decisions]
            self._events.publish(of_decisions(decisions, written, claimed, now))
        return written

    async def _report(self, task: ClaimedTask, progress: Progress) -> None:
        try:
            written = await self._attempts.report(task.id, task.attempt, progress)
        except NaradError as error:
            log.debug("task.progress_lost", task_id=str(task.id), reason=str(error))
            return
        if written and self._events.wanted:
            self._events.publish([of_running(EventType.PROGRESS, task, self._clock.now())])

    async def _flush_log(self, task: ClaimedTask) -> None:
        """See the lines of an attempt written before its outcome, however long the store is away."""
        pause = _WRITE_PAUSE_SECONDS
        while True:
            try:
                return await self._log.flush()
            except StoreUnavailableError as error:
                log.warning("task.log_waits", task_id=str(task.id), reason=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATE_PAUSE_SECONDS)

    async def _write_lines(self, lines: Sequence[LogLine]) -> None:
        await self._log_lines.add(lines)
        if self._events.wanted:
            now = self._clock.now()
            held = [self._held.get(key) for key in dict.fromkeys((line.task_id, line.attempt) for line in lines)]
            self._events.publish([of_running(EventType.LOG, task, now) for task in held if task is not None])


def _outcome(task: ClaimedTask, handler: AnyHandler, execution: Execution) -> Outcome | None:
    """How the attempt ended; None where it is no longer ours to say."""
    match execution.reason:
        case StopReason.CANCEL:
            return Cancelled()
        case StopReason.TIMEOUT:
            return timed_out(task.timeout_seconds)
        case StopReason.LOST:
            return None
        case StopReason.DRAIN if not _completed(execution.work):
            return HandedBack("the worker stops")
        case _ if execution.work.cancelled():
            return folding.raised(handler, asyncio.CancelledError("The handler cancelled itself."))
        case _:
            return execution.work.result()


def _completed(work: "asyncio.Future[Outcome]") -> bool:
    return work.done() and not work.cancelled() and isinstance(work.result(), Completed)
