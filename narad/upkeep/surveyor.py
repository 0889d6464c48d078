"""Keeps figures of the whole installation at hand, for metrics: one process at a time does it."""

import asyncio
from datetime import timedelta

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.fleet import Installed
from narad.errors import NaradError
from narad.ids import new_id
from narad.service import Service
from narad.store.duties import Duties
from narad.store.figures import Figures

log = structlog.get_logger(__name__)

DUTY = "survey"
_MISSED = 3
"""Looks that may fail before another process takes over, and before old figures are told no more."""


class Surveyor(Service):
    """Looks at a steady pace, as long as no other process does. Any number may run."""

    def __init__(self, figures: Figures, duties: Duties, clock: Clock, *, pause_seconds: float) -> None:
        super().__init__()
        self._figures = figures
        self._duties = duties
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._id = new_id()
        self._seen: tuple[float, Installed] | None = None

    def installed(self) -> Installed | None:
        """What it saw last; None where another process looks, or where that was too long ago."""
        if self._seen is None or self._clock.monotonic() - self._seen[0] > self._pause_seconds * _MISSED:
            return None
        return self._seen[1]

    @override
    async def start(self) -> None:
        self._spawn(self._watch())

    @override
    async def stop(self) -> None:
        """Look no more, and let another do it at once."""
        looked, self._seen = self._seen is not None, None
        await super().stop()
        if looked:
            try:
                await self._duties.leave(DUTY, self._id)
            except NaradError as error:
                log.warning("surveyor.not_left", reason=str(error))

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except NaradError as error:
                log.warning("surveyor.store_unavailable", reason=str(error))
            await asyncio.sleep(self._pause_seconds)

    async def _look(self) -> None:
        now = self._clock.now()
        lease = timedelta(seconds=self._pause_seconds * _MISSED)
        if not await self._duties.take(DUTY, self._id, now=now, lease=lease):
            self._seen = None
            return
        began_at = self._clock.monotonic()
        self._seen = began_at, await self._figures.read(now=now)
