"""The processor runs exactly one task: find its handler, run it, decide, finish."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from narad.batcher import Batcher
from narad.clock import Clock
from narad.domain.decide import Decision, PutBack, decide
from narad.domain.outcome import Cancelled, HandedBack, Outcome
from narad.domain.retry import RetryPolicy
from narad.domain.task import ClaimedTask, Progress
from narad.errors import OverloadedError, StoreUnavailableError
from narad.store.attempts import Attempts
from narad.worker import folding
from narad.worker.context import Context
from narad.worker.execution import Execution, StopReason
from narad.worker.executors import Executors
from narad.worker.handler import AnyHandler
from narad.worker.signature import PayloadError

log = structlog.get_logger(__name__)

_UNKNOWN_HANDLER_SECONDS = 10.0
"""How long a task of a handler that this worker lacks is left to others."""
_WRITE_PAUSE_SECONDS = 0.5
_LATE_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what a handler may do."""

    grace_seconds: float
    most_result_bytes: int


class Processor:
    """Runs claimed tasks, each in a call of `run`."""

    def __init__(
        self,
        attempts: Attempts,
        handlers: Mapping[str, AnyHandler],
        executors: Executors,
        clock: Clock,
        *,
        policy: RetryPolicy,
        limits: Limits,
        buffer: int,
    ) -> None:
        self._attempts = attempts
        self._finishes: Batcher[Decision, bool] = Batcher(self._write_batch, capacity=buffer)
        self._handlers = handlers
        self._executors = executors
        self._clock = clock
        self._policy = policy
        self._limits = limits
        self._executions: dict[tuple[UUID, int], Execution] = {}
        self._held: set[tuple[UUID, int]] = set()

    async def run(self, task: ClaimedTask) -> None:
        """Run one attempt to its end; returns when the outcome is written and its slot is really free."""
        self._held.add((task.id, task.attempt))
        try:
            await self._run(task)
        finally:
            self._held.discard((task.id, task.attempt))

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

    def stop_all(self, reason: StopReason) -> None:
        """Ask every attempt to stop."""
        for execution in self._executions.values():
            execution.stop(reason)

    async def _run(self, task: ClaimedTask) -> None:
        handler = self._handlers.get(task.handler)
        if handler is None:
            log.warning("task.handler_unknown", task_id=str(task.id), handler=task.handler)
            outcome: Outcome = HandedBack("this worker lacks the handler", _UNKNOWN_HANDLER_SECONDS)
            await self._finish(task, decide(task, outcome, self._clock.now()))
            return
        try:
            arguments = handler.signature.arguments(task.payload)
        except PayloadError as error:
            await self._finish(task, decide(task, folding.refused(error), self._clock.now()))
            return
        await self._execute(task, handler, arguments)

    async def _execute(self, task: ClaimedTask, handler: AnyHandler, arguments: dict[str, object]) -> None:
        context = Context(task, self._clock, lambda progress: self._report(task, progress))
        if handler.signature.context_name is not None:
            arguments[handler.signature.context_name] = context
        execution = Execution(context, self._executors.of(handler).run(handler, arguments))
        key = (task.id, task.attempt)
        self._executions[key] = execution
        try:
            ended = await execution.wait(limit_seconds=task.timeout_seconds, grace_seconds=self._limits.grace_seconds)
            await context.close()
            outcome = self._outcome(task, handler, execution)
            if outcome is not None:
                decision = decide(task, outcome, self._clock.now(), self._policy_of(handler))
                await self._finish(task, replace(decision, progress=context.latest_progress))
            if not ended:
                log.warning("task.handler_ignores_stop", task_id=str(task.id), handler=task.handler)
                await asyncio.wait({execution.work})
        finally:
            del self._executions[key]

    def _outcome(self, task: ClaimedTask, handler: AnyHandler, execution: Execution) -> Outcome | None:
        """How the attempt ended; None where it is no longer ours to say."""
        match execution.reason:
            case StopReason.CANCEL:
                return Cancelled()
            case StopReason.TIMEOUT:
                return folding.timed_out(task.timeout_seconds)
            case StopReason.LOST:
                return None
            case StopReason.DRAIN if not _returned(execution.work):
                return HandedBack("the worker stops")
            case _:
                return folding.ended(handler, execution.work, self._limits.most_result_bytes)

    async def _finish(self, task: ClaimedTask, decision: Decision) -> None:
        """Write what became of the attempt, however long the store is away."""
        written = await self._write(decision)
        if not written and isinstance(decision, PutBack):
            written = await self._write(decide(task, Cancelled(), self._clock.now()))
        if not written:
            log.warning("task.fenced", task_id=str(task.id), attempt=task.attempt)

    async def _write(self, decision: Decision) -> bool:
        pause = _WRITE_PAUSE_SECONDS
        while True:
            try:
                return await self._finishes.submit(decision)
            except (StoreUnavailableError, OverloadedError) as error:
                log.warning("task.finish_waits", task_id=str(decision.id), reason=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATE_PAUSE_SECONDS)

    async def _write_batch(self, decisions: Sequence[Decision]) -> Sequence[bool]:
        return await self._attempts.finish(decisions, now=self._clock.now())

    async def _report(self, task: ClaimedTask, progress: Progress) -> None:
        try:
            await self._attempts.report(task.id, task.attempt, progress)
        except StoreUnavailableError as error:
            log.debug("task.progress_lost", task_id=str(task.id), reason=str(error))

    def _policy_of(self, handler: AnyHandler) -> RetryPolicy:
        options = handler.options
        return RetryPolicy(
            base_seconds=options.backoff_seconds or self._policy.base_seconds,
            cap_seconds=options.backoff_cap_seconds or self._policy.cap_seconds,
            jitter=self._policy.jitter,
        )


def _returned(work: "asyncio.Future[object]") -> bool:
    return work.done() and not work.cancelled() and work.exception() is None
