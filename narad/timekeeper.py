"""One clock for all hosts: that of the database."""

import asyncio
from datetime import timedelta

import structlog
from typing_extensions import override

from narad.clock import FollowingClock
from narad.errors import StoreUnavailableError
from narad.service import Service
from narad.store.database import Database

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 30.0
NOTEWORTHY = timedelta(seconds=1)


class Timekeeper(Service):
    """Keeps the clock of this process at the time of the database.

    Leases, delays and deadlines written by one host are judged by others. Were each to use its own clock, hosts that
    differ by more than a lease would declare each other's workers lost.
    """

    def __init__(self, database: Database, clock: FollowingClock) -> None:
        super().__init__()
        self._database = database
        self._clock = clock

    @override
    async def start(self) -> None:
        await self.set_clock()
        self._spawn(self._keep())

    async def set_clock(self) -> None:
        """Ask the database for the time and follow it.

        Raises:
            StoreUnavailableError: it does not answer.
        """
        offset = await self._database.clock_offset()
        if abs(offset) > NOTEWORTHY:
            log.warning("clock.differs", seconds=round(offset.total_seconds(), 3))
        self._clock.follow(offset)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.set_clock()
            except StoreUnavailableError as error:
                log.warning("clock.store_unavailable", reason=str(error))
