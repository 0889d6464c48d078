"""What waits in the broker, lane by lane, and what should wait there and does not."""

import asyncio
from datetime import timedelta

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.dispatch.base import Dispatch
from narad.domain.status import Priority
from narad.domain.task import Lane
from narad.errors import BrokerUnavailableError, StoreUnavailableError
from narad.service import Service
from narad.store.store import Store

log = structlog.get_logger(__name__)

FRESH_SECONDS = 1.0
"""How long an answer of the broker counts."""
LOST_AFTER = timedelta(seconds=30)
"""A task that was handed over so long ago, in a lane that is empty by now, has lost its message."""
REFILL = 5_000


class Depths:
    """How many messages wait in a lane, asked at most once a second."""

    def __init__(self, dispatch: Dispatch, clock: Clock) -> None:
        self._dispatch = dispatch
        self._clock = clock
        self._known: dict[Lane, tuple[float, int]] = {}

    async def of(self, lane: Lane) -> int:
        """The depth of a lane; 0 where nobody can tell.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        now = self._clock.monotonic()
        asked_at, depth = self._known.get(lane, (float("-inf"), 0))
        if now - asked_at > FRESH_SECONDS:
            depth = await self._dispatch.depth(lane) or 0
            self._known[lane] = now, depth
        return depth

    def add(self, lane: Lane, messages: int) -> None:
        """Count messages that were sent to the lane since the broker was asked."""
        if lane in self._known:
            asked_at, depth = self._known[lane]
            self._known[lane] = asked_at, depth + messages


class LaneWatch(Service):
    """Finds lanes that lost their messages: a queue purged or deleted, a broker wiped or replaced.

    Looking at lanes instead of at tasks keeps a backlog of any size untouched: as long as something waits in a lane,
    its tasks are not rewritten.
    """

    def __init__(self, store: Store, dispatch: Dispatch, clock: Clock, *, pause_seconds: float) -> None:
        super().__init__()
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._pause_seconds = pause_seconds

    @override
    async def start(self) -> None:
        if self._dispatch.may_lose:
            self._spawn(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._pause_seconds)
            if not self._dispatch.available:
                continue
            try:
                for queue in await self._store.workers.queues():
                    for priority in Priority:
                        await self._look(Lane(queue, priority))
            except (BrokerUnavailableError, StoreUnavailableError) as error:
                log.warning("lanes.not_looked_at", reason=str(error))

    async def _look(self, lane: Lane) -> None:
        """Put what a lane has lost on its way again, one portion at a time."""
        before = self._clock.now() - LOST_AFTER
        if not await self._store.handovers.has_waited(lane, since=before) or await self._dispatch.depth(lane):
            return
        lost = await self._store.handovers.make_lane_due(lane, REFILL, since=before, now=self._clock.now())
        if lost:
            log.warning("lanes.refilled", queue=lane.queue, priority=lane.priority, tasks=lost)
