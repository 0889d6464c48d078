"""The rescuer: recovers the tasks of workers whose lease ran out."""

import asyncio

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.errors import StoreUnavailableError
from narad.service import Service
from narad.store.workers import Workers

log = structlog.get_logger(__name__)


class Rescuer(Service):
    """Looks for lost workers at a steady pace. Any number of rescuers may run: each rescue happens once."""

    def __init__(self, workers: Workers, clock: Clock, *, lease_seconds: float, pause_seconds: float) -> None:
        super().__init__()
        self._workers = workers
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._pause_seconds = pause_seconds
        self._patient_until = 0.0

    @override
    async def start(self) -> None:
        self._be_patient()
        self._spawn(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._pause_seconds)
            try:
                await self._look()
            except StoreUnavailableError as error:
                log.warning("rescuer.store_unavailable", reason=str(error))
                self._be_patient()

    async def _look(self) -> None:
        if self._clock.monotonic() < self._patient_until:
            await self._workers.ping()
            return
        for rescued in await self._workers.rescue(now=self._clock.now()):
            log.warning("task.rescued", task_id=str(rescued.id), attempt=rescued.attempt, status=rescued.status)

    def _be_patient(self) -> None:
        """After an outage of the database every lease looks expired: give the living time to renew theirs."""
        self._patient_until = self._clock.monotonic() + self._lease_seconds
