"""The intake of a worker: the loop that keeps its slots busy with claimed tasks until it is told to stop."""

import asyncio

import structlog

from narad.clock import Clock
from narad.domain.event import EventType, of_running
from narad.errors import StoreUnavailableError
from narad.events.base import Announcer
from narad.worker.consumer import Consumer
from narad.worker.heartbeat import Heartbeat
from narad.worker.slots import Slots

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
"""After a claim that the store did not answer."""
_RENEWAL_PAUSE_SECONDS = 0.1
_SATURATED_SECONDS = 1.0
"""A worker without a free slot for so long leaves what it has in hand to others."""


class Intake:
    """Takes tasks for free slots, while the lease allows it and nobody has told the worker to be quiet."""

    def __init__(
        self, consumer: Consumer, slots: Slots, heartbeat: Heartbeat, clock: Clock, events: Announcer, *, most: int
    ) -> None:
        """`most` tasks are claimed at once."""
        self._consumer = consumer
        self._slots = slots
        self._heartbeat = heartbeat
        self._clock = clock
        self._events = events
        self._most = most
        self.resting = False
        """Whether it leaves everything to others, as it was told; what runs goes on."""
        self._quiet = False
        self._orders_changed = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Take tasks until `stop`."""
        while not self._stopping:
            free = self._slots.free
            if free == 0:
                await self._until_free()
                continue
            if not self._heartbeat.may_claim:
                await self._until_renewed()
                continue
            if self._quiet:
                await self._until_resumed()
                continue
            try:
                claimed = await self._consumer.take(min(free, self._most))
            except StoreUnavailableError as error:
                log.warning("worker.store_unavailable", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if claimed and self._events.wanted:
                now = self._clock.now()
                self._events.publish([of_running(EventType.STARTED, task, now) for task in claimed])
            for task in claimed:
                self._slots.start(task)
            if not claimed and not self._stopping:
                await self._consumer.wait()

    def be_quiet(self, *, quiet: bool) -> None:
        """Take nothing more, or go on."""
        if quiet != self._quiet:
            self._quiet = quiet
            self._orders_changed.set()
            self._consumer.wake()

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping = True
        self._slots.wake()
        self._orders_changed.set()
        self._consumer.wake()

    async def _until_free(self) -> None:
        """Wait for a free slot; leave to others what would wait here for long."""
        self._slots.expect()
        try:
            async with asyncio.timeout(_SATURATED_SECONDS):
                await self._slots.freed()
        except TimeoutError:
            await self._consumer.pause()
            await self._slots.freed()
            await self._consumer.resume()

    async def _until_renewed(self) -> None:
        """Wait until the lease can be renewed again; till then leave to others what is pushed to this worker."""
        log.warning("worker.lease_not_renewed")
        await self._consumer.pause()
        while not self._heartbeat.may_claim and not self._stopping:  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(_RENEWAL_PAUSE_SECONDS)
        await self._consumer.resume()

    async def _until_resumed(self) -> None:
        """Wait until this worker is told to go on; till then leave to others what is pushed to it."""
        log.info("worker.quiet")
        await self._consumer.pause()
        self.resting = True
        while self._quiet and not self._stopping:
            self._orders_changed.clear()
            await self._orders_changed.wait()
        self.resting = False
        if not self._stopping:
            await self._consumer.resume()
