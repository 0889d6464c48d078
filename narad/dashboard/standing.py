"""How the service stands, for the banners of every page: asked at most every other second, however many pages ask."""

import asyncio
from dataclasses import dataclass

from narad.api.readiness import OK
from narad.api.services import Services
from narad.dashboard.counts import Counts
from narad.domain.fleet import Count
from narad.domain.status import WAITING
from narad.errors import StoreUnavailableError

FRESH_SECONDS = 2.0
NOBODY = Count(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`waiting` is counted only while no worker is online; `broker` is None where work goes without one."""

    store: bool = True
    broker: bool | None = None
    workers: int = 0
    waiting: Count = NOBODY
    draining: bool = False

    @property
    def idle(self) -> bool:
        """Whether tasks wait and nobody is there to run them."""
        return self.store and self.workers == 0 and self.waiting.value > 0


class StandingWatch:
    """Remembers the standing for a moment."""

    def __init__(self, services: Services, counts: Counts) -> None:
        self._services = services
        self._counts = counts
        self._lock = asyncio.Lock()
        self._kept: Standing | None = None
        self._until = 0.0

    async def look(self) -> Standing:
        """The standing, as it was a moment ago or is now."""
        async with self._lock:
            now = self._services.clock.monotonic()
            if self._kept is None or now >= self._until:
                self._kept = await self._ask()
                self._until = self._services.clock.monotonic() + FRESH_SECONDS
            return self._kept

    async def _ask(self) -> Standing:
        services, readiness = self._services, self._services.readiness
        found, draining = readiness.others().get("broker"), readiness.is_draining()
        broker = None if found is None else found == OK
        try:
            workers, waiting = await services.promptly(self._count())
        except StoreUnavailableError:
            return Standing(store=False, broker=broker, draining=draining)
        return Standing(broker=broker, workers=workers, waiting=waiting, draining=draining)

    async def _count(self) -> tuple[int, Count]:
        services = self._services
        offers = await services.store.fleet.offers(now=services.clock.now())
        if offers:
            return len(offers), NOBODY
        counts = (await self._counts.statuses()).counts
        waiting = [counts[status] for status in WAITING]
        return 0, Count(sum(count.value for count in waiting), max(count.relation for count in waiting))
