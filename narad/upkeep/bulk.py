"""Carries out bulk operations, a portion at a time, whether or not a worker is online."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.event import EventType, of_task
from narad.domain.status import Status
from narad.errors import StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.service import Service
from narad.store.bulk import BulkOperations, Change
from narad.tally import Tally

log = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=15)
_BREATH_SECONDS = 0.02
"""Between two portions: claims and inserts get the database to themselves for most of the time."""


class BulkExecutor(Service):
    """Takes the oldest open operation and walks it to its end. Any number may run: an operation is in one hand."""

    def __init__(
        self,
        operations: BulkOperations,
        clock: Clock,
        tally: Tally,
        *,
        pause_seconds: float,
        events: Announcer = SILENCE,
    ) -> None:
        super().__init__()
        self._tally = tally
        self._events = events
        self._operations = operations
        self._clock = clock
        self._pause_seconds = pause_seconds

    @override
    async def start(self) -> None:
        self._spawn(self._work())

    async def _work(self) -> None:
        while True:
            try:
                while await self._carry_out_one():
                    pass
            except StoreUnavailableError as error:
                log.warning("bulk.store_unavailable", reason=str(error))
            await asyncio.sleep(self._pause_seconds)

    async def _carry_out_one(self) -> bool:
        """Whether there was one to carry out."""
        claimed = await self._operations.claim(now=self._clock.now(), lease=_LEASE)
        if claimed is None:
            return False
        while claimed is not None and claimed.operation.finished_at is None:
            claimed = await self._operations.advance(claimed, now=self._clock.now(), lease=_LEASE)
            if claimed is not None:
                self._tell(claimed.changes)
            await asyncio.sleep(_BREATH_SECONDS)
        if claimed is not None:
            operation = claimed.operation
            log.info("bulk.completed", operation_id=str(operation.id), action=operation.action, tasks=operation.changed)
        return True

    def _tell(self, changes: Sequence[Change]) -> None:
        """Count what ended, and announce a portion at once: who cannot follow so many is told to read again."""
        for type_, mark in changes:
            if type_ is EventType.CANCELLED:
                self._tally.finished(mark.handler, mark.priority, Status.CANCELLED)
        if changes and self._events.wanted:
            now = self._clock.now()
            self._events.publish([of_task(type_, mark, now) for type_, mark in changes])
