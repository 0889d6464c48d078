"""A host of a fleet in this process: store, dispatch and relay, and consumers as workers have them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from narad.clock import SystemClock
from narad.dispatch.base import Control, Dispatch, Subscription
from narad.dispatch.direct import DirectDispatch
from narad.dispatch.rabbitmq import RabbitDispatch
from narad.domain.picking import AgeingQuota, Picker
from narad.domain.task import ClaimedTask, NewTask
from narad.relay.relay import Relay
from narad.store.attempts import Aged
from narad.store.store import Store
from narad.worker.consumer import Consumer
from narad.worker.identity import Identity
from narad.worker.worker import prefetch
from tests.support.stores import opened

CLOCK = SystemClock()
PATIENCE_SECONDS = 30.0
AGED = Aged(medium=timedelta(seconds=15), low=timedelta(seconds=60))


@dataclass(frozen=True)
class Backend:
    """A dispatch over a store; without brokers, workers claim from the store."""

    database_url: str
    brokers: tuple[str, ...]

    def dispatch(self) -> Dispatch:
        """A dispatch of this kind, not started yet."""
        return RabbitDispatch(self.brokers, timeout_seconds=10) if self.brokers else DirectDispatch()


@dataclass
class Host:
    """What one process of a fleet has."""

    store: Store
    dispatch: Dispatch
    relay: Relay
    identity: Identity = field(default_factory=lambda: Identity(name=None, concurrency=10, queues=(), handlers=()))
    stopped: list[tuple[UUID, int]] = field(default_factory=list)

    @property
    def control(self) -> Control:
        """Notes the orders that its workers get."""
        return Control(lambda: self.identity.id, lambda task_id, attempt: self.stopped.append((task_id, attempt)))

    async def submit(self, *tasks: NewTask) -> None:
        """Store tasks and nudge the relay, as the API does."""
        await self.store.tasks.insert(tasks)
        self.relay.nudge(tasks)

    @asynccontextmanager
    async def consumer(
        self,
        *,
        queues: Sequence[str] = ("default",),
        slots: int = 10,
        quota: AgeingQuota | None = None,
        watchdog_seconds: float = 15.0,
    ) -> AsyncIterator[tuple[Consumer, Subscription]]:
        """A worker's consumer, attached where the dispatch pushes."""
        subscription = await self.dispatch.subscribe(queues, prefetch(slots), self.control)
        consumer = Consumer(
            self.store.attempts,
            subscription,
            Picker(quota or AgeingQuota()),
            CLOCK,
            identity=self.identity,
            watchdog_seconds=watchdog_seconds,
            queues=queues,
            aged=AGED,
            poll_seconds=0.05,
        )
        try:
            if self.dispatch.may_lose:
                await until(lambda: subscription.attached)
            yield consumer, subscription
        finally:
            await consumer.close()


@asynccontextmanager
async def started(backend: Backend) -> AsyncIterator[Host]:
    """A host at work."""
    async with opened(backend.database_url) as store:
        dispatch = backend.dispatch()
        relay = Relay(store.handovers, dispatch, CLOCK, sweep_seconds=0.05)
        await dispatch.start()
        await until(lambda: dispatch.available)
        await relay.start()
        try:
            yield Host(store, dispatch, relay)
        finally:
            await relay.stop()
            await dispatch.stop()


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that no event tells of."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def take(consumer: Consumer, count: int, *, slots: int = 10) -> list[ClaimedTask]:
    """Claim until `count` tasks are taken."""
    taken: list[ClaimedTask] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(taken) < count:
            taken += await consumer.take(min(slots, count - len(taken)))
            if len(taken) < count:
                await consumer.wait()
    return taken
