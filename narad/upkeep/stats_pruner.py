"""The stats pruner: removes counts that are older than anybody asks for."""

import asyncio
from datetime import timedelta

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.errors import StoreUnavailableError
from narad.service import Service
from narad.store.statistics import Statistics

log = structlog.get_logger(__name__)


class StatsPruner(Service):
    """Prunes at a steady pace. Any number of them may run."""

    def __init__(self, statistics: Statistics, clock: Clock, *, retention_seconds: float, pause_seconds: float) -> None:
        """Counts of days are kept for `retention_seconds`, as tasks are; 0 keeps them for ever."""
        super().__init__()
        self._statistics = statistics
        self._clock = clock
        self._days_kept = timedelta(seconds=retention_seconds) if retention_seconds else None
        self._pause_seconds = pause_seconds

    @override
    async def start(self) -> None:
        self._spawn(self._prune())

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(self._pause_seconds)
            try:
                await self._statistics.prune(now=self._clock.now(), days_kept=self._days_kept)
            except StoreUnavailableError as error:
                log.warning("stats_pruner.store_unavailable", reason=str(error))
