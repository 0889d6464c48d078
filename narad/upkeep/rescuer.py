"""The rescuer: recovers the tasks of workers whose lease ran out, and those that a living worker does not let go."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.decide import Finish, decide
from narad.domain.event import OF_STATUS, TaskEvent, of_decisions
from narad.domain.outcome import Cancelled, timed_out
from narad.domain.retry import RetryPolicy
from narad.errors import StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.service import Service
from narad.store.store import Store
from narad.tally import Tally

log = structlog.get_logger(__name__)

_MOST_OVERRUNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the rescuer waits, in seconds.

    `lease_seconds` is the lease of a worker, `overrun_seconds` how long after the deadline of an attempt, or after the
    request to stop it, its worker may still write what became of it.
    """

    lease_seconds: float
    overrun_seconds: float
    pause_seconds: float


class Rescuer(Service):
    """Looks for lost workers at a steady pace. Any number of rescuers may run: each rescue happens once."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        tally: Tally,
        *,
        patience: Patience,
        policy: RetryPolicy,
        events: Announcer = SILENCE,
    ) -> None:
        """`policy` says when a task goes on whose attempt is ended here at its time limit."""
        super().__init__()
        self._store = store
        self._clock = clock
        self._tally = tally
        self._patience = patience
        self._policy = policy
        self._events = events
        self._contact_at: float | None = None
        """When the store was first reached, at the start or after an outage, on the steady clock."""

    @override
    async def start(self) -> None:
        self._spawn(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._patience.pause_seconds)
            try:
                await self._look()
            except StoreUnavailableError as error:
                log.warning("rescuer.store_unavailable", reason=str(error))
                self._contact_at = None

    async def _look(self) -> None:
        """Rescue; but after an outage every lease looks expired, so first give the living time to renew theirs."""
        if self._contact_at is None:
            await self._store.workers.ping()
            self._contact_at = self._clock.monotonic()
            return
        if self._clock.monotonic() - self._contact_at < self._patience.lease_seconds:
            await self._store.workers.ping()
            return
        now = self._clock.now()
        rescued = await self._store.workers.rescue(now=now)
        for task in rescued:
            log.warning("task.rescued", task_id=str(task.id), attempt=task.attempt, status=task.status)
            if task.status.is_final:
                self._tally.finished(task.handler, task.priority, task.status)
        if rescued and self._events.wanted:
            self._events.publish(
                [
                    TaskEvent(type=OF_STATUS[task.status], id=task.id, at=now, status=task.status, attempt=task.attempt)
                    for task in rescued
                ]
            )
        await self._end_overruns()

    async def _end_overruns(self) -> None:
        """End attempts in the place of a worker that renews its lease and does not get to them: its loop is blocked."""
        now = self._clock.now()
        before = now - timedelta(seconds=self._patience.overrun_seconds)
        overruns = await self._store.attempts.overruns(_MOST_OVERRUNS, before=before)
        decisions = []
        for overrun in overruns:
            outcome = Cancelled() if overrun.cancel_requested else timed_out(overrun.task.timeout_seconds)
            decisions.append(decide(overrun.task, outcome, now, self._policy))
        written = await self._store.attempts.finish(decisions, now=now)
        if decisions and self._events.wanted:
            claimed = [overrun.task for overrun in overruns]
            self._events.publish(of_decisions(decisions, written, claimed, now))
        for overrun, decision, was_written in zip(overruns, decisions, written, strict=True):
            if was_written:
                log.warning("task.overrun_ended", task_id=str(decision.id), attempt=decision.attempt)
                if isinstance(decision, Finish):
                    self._tally.finished(overrun.task.handler, overrun.task.priority, decision.status)
