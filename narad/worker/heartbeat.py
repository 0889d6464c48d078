"""The heartbeat renews the lease and compares what the store says runs here with what does.

One look carries everything that must not depend on the broker: cancels that were asked for, claims whose answer was
lost on the way, and the news that this worker was declared lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.decide import PutBack
from narad.domain.task import Running
from narad.errors import StoreUnavailableError
from narad.service import Service
from narad.store.attempts import Attempts
from narad.store.workers import Workers
from narad.worker.execution import StopReason
from narad.worker.processor import Processor

log = structlog.get_logger(__name__)

RENEWABLE_SHARE = 2 / 3
"""From this share of the lease on, a worker that could not renew it claims nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the heart beats, and how long a lease lasts, in seconds."""

    heartbeat_seconds: float
    lease_seconds: float


class Heartbeat(Service):
    """Beats until it is stopped, also during a drain."""

    def __init__(
        self,
        workers: Workers,
        attempts: Attempts,
        processor: Processor,
        clock: Clock,
        *,
        worker_id: UUID,
        rhythm: Rhythm,
        on_lost: Callable[[], None],
    ) -> None:
        super().__init__()
        self._workers = workers
        self._attempts = attempts
        self._processor = processor
        self._clock = clock
        self._worker_id = worker_id
        self._rhythm = rhythm
        self._on_lost = on_lost
        self._renewed_at = clock.monotonic()
        self._orphans: set[tuple[UUID, int]] = set()
        self.draining = False

    @property
    def may_claim(self) -> bool:
        """Whether the lease is fresh enough to start something new."""
        age = self._clock.monotonic() - self._renewed_at
        return age < self._rhythm.lease_seconds * RENEWABLE_SHARE

    @override
    async def start(self) -> None:
        self._renewed_at = self._clock.monotonic()
        self._spawn(self._beat_on())

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(self._rhythm.heartbeat_seconds)
            try:
                await self._beat()
            except StoreUnavailableError as error:
                log.warning("heartbeat.store_unavailable", reason=str(error))

    async def _beat(self) -> None:
        asked_at = self._clock.monotonic()
        if not await self._workers.renew(self._worker_id, now=self._clock.now(), draining=self.draining):
            log.error("worker.lost", worker_id=str(self._worker_id))
            self._on_lost()
            return
        self._renewed_at = asked_at
        await self._audit(await self._attempts.running(self._worker_id))

    async def _audit(self, rows: Sequence[Running]) -> None:
        """Pass cancels on; give back what this worker owns without knowing, two beats in a row."""
        unknown = set()
        for row in rows:
            key = (row.id, row.attempt)
            if not self._processor.knows(row.id, row.attempt):
                unknown.add(key)
            elif row.cancel_requested:
                self._processor.stop(row.id, row.attempt, StopReason.CANCEL)
        for task_id, attempt in unknown & self._orphans:
            log.warning("task.orphan_given_back", task_id=str(task_id), attempt=attempt)
            await self._attempts.finish([PutBack(id=task_id, attempt=attempt, run_at=self._clock.now())])
        self._orphans = unknown
