"""One attempt of a handler without a service: the executors, the context and the decisions are those of a worker."""

import asyncio
import copy
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from narad.clock import Clock
from narad.domain.follow_up import Spawn
from narad.domain.log_line import LogLine
from narad.domain.outcome import Cancelled as CancelledOutcome
from narad.domain.outcome import Outcome, timed_out
from narad.domain.retry import RetryPolicy
from narad.domain.status import Priority, Status
from narad.domain.task import ClaimedTask, Json, Progress
from narad.ids import new_id
from narad.outbound.options import PORTS, OutboundOptions
from narad.outbound.outbound import Outbound
from narad.testing.clock import FrozenClock
from narad.testing.desk import KeptDesk
from narad.testing.outcome import AttemptFailed, Cancelled, Ended, ended
from narad.worker import folding
from narad.worker.context import Context
from narad.worker.execution import Execution, StopReason
from narad.worker.executors import Executors
from narad.worker.handler import AnyHandler
from narad.worker.lifespan import AnyLifespan
from narad.worker.processes import ProcessLimits
from narad.worker.resources import Resources
from narad.worker.signals import Snooze

_MOST_RESULT_BYTES = 262_144
_MOST_CHILD_BYTES = 536_870_912
_KILL_SECONDS = 2.0


async def run_handler(handler: AnyHandler, payload: Mapping[str, object] | None = None) -> Ended:
    """Run a handler once and say what would become of its task; no exception of the handler leaves this.

    The payload and the result make the way through JSON, and are checked, as they are between a client and a worker.

    Raises:
        TypeError: the payload is not JSON.
    """
    return await TaskEnv().attempt_of(handler, payload)


@dataclass(kw_only=True)
class TaskEnv:
    """What a handler finds around it: the fields of its task; and afterwards, in lists, what it said.

    `cancel_at_progress` asks it to stop as soon as it reports so much. `timeout` and `max_attempts` are those of the
    handler unless they are given. `http_allowed_networks` and `http_ports` are what `ctx.http` may call besides public
    addresses, such as 127.0.0.0/8 for a server of the test. `lifespans` are started for each attempt and provide its
    resources. Every attempt adds to the lists, and finds the `checkpoint` that was saved last.
    """

    attempt: int = 1
    failures: int = 0
    max_attempts: int | None = None
    priority: Priority = Priority.MEDIUM
    tags: tuple[str, ...] = ()
    timeout: float | timedelta | None = None
    cancel_at_progress: float | None = None
    grace_seconds: float = 1.0
    http_allowed_networks: tuple[str, ...] = ()
    http_ports: tuple[int, ...] = PORTS
    clock: Clock = field(default_factory=FrozenClock)
    checkpoint: Json = None
    lifespans: Sequence[AnyLifespan] = ()
    progress: list[Progress] = field(default_factory=list, init=False)
    logs: list[LogLine] = field(default_factory=list, init=False)
    spawned: list[Spawn] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._desk = KeptDesk(self.checkpoint, self.spawned)

    async def run(self, handler: AnyHandler, payload: Mapping[str, object] | None = None) -> Json:
        """Run one attempt; returns the result as JSON.

        Raises:
            Cancelled: it was cancelled.
            AttemptFailed: it failed without an exception: a payload or result that does not fit, a time limit, or
                anything in a process of its own.
            BaseException: whatever the handler raised, `Retry`, `Snooze` and `Fatal` too.
            TypeError: the payload is not JSON.
        """
        end = await self.attempt_of(handler, payload)
        if end.status is Status.COMPLETED:
            return end.result
        if end.status is Status.CANCELLED:
            raise Cancelled("The task was cancelled.")
        if end.exception is not None:
            raise end.exception
        if end.error is not None:
            raise AttemptFailed(end.error)
        raise Snooze(end.delay or 0)  # it was returned, not raised

    async def attempt_of(self, handler: AnyHandler, payload: Mapping[str, object] | None = None) -> Ended:
        """Run one attempt, and say what would become of the task.

        Raises:
            AssertionError: it was asked to stop and did not within `grace_seconds`.
            TypeError: the payload is not JSON.
        """
        task = self._task(handler, as_sent(payload or {}))
        witness = _Witness(handler)
        limits = ProcessLimits(grace_seconds=self.grace_seconds, most_tasks=1, most_bytes=_MOST_CHILD_BYTES)
        outbound = Outbound(OutboundOptions(allowed_networks=self.http_allowed_networks, ports=self.http_ports))
        resources = Resources(self.lifespans)
        executors = Executors(1, _MOST_RESULT_BYTES, limits, resources=resources, outbound=outbound.options)
        try:
            await resources.open()
            outcome = await self._execute(witness.handler, task, executors, outbound)
        finally:
            await executors.close()
            await outbound.close()
            await resources.close()
        return ended(task, outcome, self.clock, _policy_of(handler), witness.exception)

    async def _execute(
        self, handler: AnyHandler, task: ClaimedTask, executors: Executors, outbound: Outbound
    ) -> Outcome:
        stop = _StopAt(self.cancel_at_progress, self.progress)
        context = Context(task, self.clock, stop.note, self.logs.append, self._desk, outbound=outbound)
        context.resume(self._desk.checkpoint)
        work = executors.of(handler).run(handler, task, context)
        patience = _KILL_SECONDS if handler.options.isolation == "process" else 0.0
        execution = Execution(context, work, grace_seconds=self.grace_seconds + patience)
        stop.aim_at(execution)
        stopped = await execution.wait(limit_seconds=task.timeout_seconds)
        context.close_log()
        self.checkpoint = self._desk.checkpoint
        if not stopped:
            execution.work.cancel()
            raise AssertionError(f"{handler.name} did not stop within {self.grace_seconds} s of being asked to.")
        return _outcome(task, handler, execution)

    def _task(self, handler: AnyHandler, payload: str) -> ClaimedTask:
        options, now = handler.options, self.clock.now()
        limit = self.timeout.total_seconds() if isinstance(self.timeout, timedelta) else self.timeout
        limit = options.timeout_seconds if limit is None else limit
        return ClaimedTask(
            id=new_id(),
            attempt=self.attempt,
            handler=handler.name,
            queue=options.queue,
            priority=self.priority,
            payload=payload,
            tags=self.tags,
            failures=self.failures,
            max_attempts=self.max_attempts or options.max_attempts or 3,
            timeout_seconds=limit,
            run_at=now,
            deadline_at=None if limit is None else now + timedelta(seconds=limit),
        )


def as_sent(payload: Mapping[str, object]) -> str:
    """The payload as the JSON that a client sends.

    Raises:
        TypeError: it is not JSON; the text says what is not.
    """
    try:
        return json.dumps(payload, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"A payload must be JSON: {error}. Give what a client would send.") from error


class _Witness:
    """The handler with a function that tells what it raised. A process of its own raises nothing here."""

    def __init__(self, handler: AnyHandler) -> None:
        self.exception: BaseException | None = None
        self.handler = copy.copy(handler)
        function = handler.function

        async def awaited(**arguments: object) -> object:
            try:
                return await function(**arguments)
            except BaseException as error:
                self.exception = error
                raise

        def called(**arguments: object) -> object:
            try:
                return function(**arguments)
            except BaseException as error:
                self.exception = error
                raise

        self.handler.function = awaited if handler.is_async else called


class _StopAt:
    """Takes progress, and cancels the attempt once it has gone far enough."""

    def __init__(self, value: float | None, seen: list[Progress]) -> None:
        self._value = sys.float_info.max if value is None else value
        self._seen = seen
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._execution: Execution | None = None

    def aim_at(self, execution: Execution) -> None:
        self._execution = execution

    def note(self, progress: Progress) -> None:
        self._seen.append(progress)
        execution = self._execution
        if progress.value < self._value or execution is None:
            return
        if threading.get_ident() == self._thread:
            execution.stop(StopReason.CANCEL)
        else:
            # At once for the handler, which may look right after; and soon for whoever waits for it.
            execution.context.cancel()
            self._loop.call_soon_threadsafe(execution.stop, StopReason.CANCEL)


def _outcome(task: ClaimedTask, handler: AnyHandler, execution: Execution) -> Outcome:
    match execution.reason:
        case StopReason.CANCEL:
            return CancelledOutcome()
        case StopReason.TIMEOUT:
            return timed_out(task.timeout_seconds)
        case _ if execution.work.cancelled():
            return folding.raised(handler, asyncio.CancelledError("The handler cancelled itself."))
        case _:
            return execution.work.result()


def _policy_of(handler: AnyHandler) -> RetryPolicy:
    """That of the handler with the defaults of the settings, without the jitter: tests can say what they expect."""
    base, cap = handler.options.backoff_seconds, handler.options.backoff_cap_seconds
    default = RetryPolicy(jitter=False)
    return RetryPolicy(
        base_seconds=default.base_seconds if base is None else base,
        cap_seconds=default.cap_seconds if cap is None else cap,
        jitter=False,
    )
