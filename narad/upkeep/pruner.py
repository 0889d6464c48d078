"""The pruner: removes tasks that ended long ago, and what is kept for a time only."""

import asyncio
from datetime import datetime, timedelta

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.errors import StoreUnavailableError
from narad.service import Service
from narad.store.audit import Audit
from narad.store.retention import Retention

log = structlog.get_logger(__name__)

_PORTION = 2_000
_BREATH_SECONDS = 0.2
"""Between two portions: claims and inserts get the database to themselves for most of the time."""


class Pruner(Service):
    """Prunes at a steady pace, a portion at a time. Any number of pruners may run: they leave out each other's rows."""

    def __init__(
        self,
        retention: Retention,
        audit: Audit,
        clock: Clock,
        *,
        retention_seconds: float,
        audit_seconds: float,
        pause_seconds: float,
    ) -> None:
        """A task is kept for `retention_seconds` after its end, an entry for `audit_seconds`; 0 keeps them for ever."""
        super().__init__()
        self._retention = retention
        self._audit = audit
        self._clock = clock
        self._kept = timedelta(seconds=retention_seconds)
        self._audit_kept = timedelta(seconds=audit_seconds)
        self._pause_seconds = pause_seconds

    @override
    async def start(self) -> None:
        self._spawn(self._prune())

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(self._pause_seconds)
            try:
                await self._prune_all()
            except StoreUnavailableError as error:
                log.warning("pruner.store_unavailable", reason=str(error))

    async def _prune_all(self) -> None:
        now = self._clock.now()
        pruned = _PORTION
        while pruned == _PORTION:
            pruned = await self._retention.prune_keys(_PORTION, now=now)
            await asyncio.sleep(_BREATH_SECONDS)
        if self._kept:
            await self._prune_tasks(now)
        if self._audit_kept:
            await self._prune_audit(now)

    async def _prune_tasks(self, now: datetime) -> None:
        before = now - self._kept
        pruned = 0
        while portion := await self._retention.prune_tasks(_PORTION, before=before):
            pruned += portion
            await asyncio.sleep(_BREATH_SECONDS)
        await self._retention.prune_fleet(before=before, now=now)
        if pruned:
            log.info("tasks.pruned", tasks=pruned)

    async def _prune_audit(self, now: datetime) -> None:
        before = now - self._audit_kept
        pruned = 0
        while portion := await self._audit.prune(_PORTION, before=before):
            pruned += portion
            await asyncio.sleep(_BREATH_SECONDS)
        if pruned:
            log.info("audit.pruned", entries=pruned)
