"""The worker: slots, and the loop that keeps them busy with claimed tasks until it is told to drain."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.dispatch.base import Control, Dispatch, Subscription
from narad.domain.decide import PutBack
from narad.domain.event import EventType, of_decisions, of_running
from narad.domain.fleet import Orders, WorkerOrder
from narad.domain.picking import AgeingQuota, Picker
from narad.domain.retry import RetryPolicy
from narad.domain.status import Priority
from narad.domain.task import ClaimedTask, Running
from narad.errors import StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.service import Service
from narad.store.attempts import Aged
from narad.store.store import Store
from narad.tally import Tally
from narad.worker.catalogue import describe
from narad.worker.consumer import Consumer
from narad.worker.execution import StopReason
from narad.worker.executors import Executors
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Heartbeat, Listeners, Rhythm
from narad.worker.identity import Identity
from narad.worker.processes import ProcessLimits
from narad.worker.processor import Processor

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
_RENEWAL_PAUSE_SECONDS = 0.1
_FULL_HAND = 8
_SATURATED_SECONDS = 1.0
"""A worker without a free slot for so long leaves what it has in hand to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker serves and how."""

    name: str | None = None
    concurrency: int
    queues: tuple[str, ...]
    rhythm: Rhythm
    process_limits: ProcessLimits
    most_result_bytes: int
    policy: RetryPolicy
    stops_on_lease_loss: bool = False
    quota: AgeingQuota
    poll_seconds: float
    watchdog_seconds: float
    drain_seconds: float


class Worker(Service):
    """One worker process's worth of slots."""

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        handlers: Mapping[str, AnyHandler],
        clock: Clock,
        options: WorkerOptions,
        tally: Tally,
        *,
        open_store: Callable[[], Store],
        events: Announcer = SILENCE,
    ) -> None:
        """`open_store` opens the store once more, for the thread of the heartbeat."""
        super().__init__()
        self._events = events
        self._identity = Identity(
            name=options.name,
            concurrency=options.concurrency,
            queues=options.queues,
            handlers=tuple(sorted(handlers)),
        )
        self._store = store
        self._dispatch = dispatch
        self._handlers = handlers
        self._clock = clock
        self._options = options
        self._executors = Executors(options.concurrency, options.most_result_bytes, options.process_limits)
        self._processor = Processor(
            store.attempts,
            store.log_lines,
            handlers,
            self._executors,
            clock,
            tally,
            policy=options.policy,
            grace_seconds=options.process_limits.grace_seconds,
            buffer=options.concurrency * 2,
            events=events,
        )
        self._heartbeat = Heartbeat(
            open_store,
            self._identity,
            clock,
            rhythm=options.rhythm,
            listeners=Listeners(owned=self._audit, ordered=self._obey, lost=self._lost),
            busy=lambda: self.busy,
        )
        self.dismissed = asyncio.Event()
        """Set when somebody orders this worker to drain; the process then ends as if by SIGTERM."""
        self.resting = False
        """Whether it leaves everything to others, as it was told; what it runs goes on."""
        self._quiet = False
        self._orders_changed = asyncio.Event()
        self._orphans: set[tuple[UUID, int]] = set()
        self._consumer: Consumer | None = None
        self._subscription: Subscription | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._slot_freed = asyncio.Event()
        self._hurried = asyncio.Event()
        self._intake: asyncio.Task[None] | None = None

    @property
    def id(self) -> UUID:
        """The id under which it works now; another one after it was declared lost."""
        return self._identity.id

    @property
    def busy(self) -> int:
        """Slots in use, those of handlers that ignore their stop included."""
        return len(self._running)

    @override
    async def start(self) -> None:
        options = self._options
        now = self._clock.now()
        await self._store.catalogue.publish(describe(self._handlers.values()), now=now)
        await self._store.workers.register(self._identity.row(self.id), now=now)
        subscription = self._subscription = await self._dispatch.subscribe(
            options.queues,
            prefetch(options.concurrency),
            Control(worker_id=lambda: self.id, stop=self._hear_stop),
        )
        limits = options.quota.limits_seconds
        self._consumer = Consumer(
            self._store.attempts,
            subscription,
            Picker(options.quota),
            self._clock,
            identity=self._identity,
            watchdog_seconds=options.watchdog_seconds,
            queues=options.queues,
            aged=Aged(medium=timedelta(seconds=limits[Priority.MEDIUM]), low=timedelta(seconds=limits[Priority.LOW])),
            poll_seconds=options.poll_seconds,
        )
        self._consumer.hold(await self._store.workers.paused_queues())
        await self._heartbeat.start()
        if options.stops_on_lease_loss:
            self._spawn(self._watch_lease())
        self._intake = self._spawn(self._take_in(self._consumer))
        log.info("worker.started", worker_id=str(self.id), queues=options.queues, slots=options.concurrency)

    @override
    async def stop(self) -> None:
        """Drain: take nothing more in, let handlers end for a while, hand the rest back uncharged.

        Cancels are heard, and the lease is renewed, until the last handler has ended.
        """
        if self._stopping:
            return
        self._stopping = True
        if self._consumer is None or self._intake is None:
            return
        log.info("worker.draining", running=self.busy)
        self._heartbeat.draining = True
        self._slot_freed.set()
        self._orders_changed.set()
        self._consumer.wake()
        await asyncio.wait({self._intake})
        await self._consumer.pause()
        await self._let_end(self._options.drain_seconds)
        self._processor.stop_all(StopReason.DRAIN)
        await self._let_end(self._options.process_limits.grace_seconds + _PAUSE_SECONDS)
        await self._consumer.close()
        await self._heartbeat.stop()
        await super().stop()
        await self._processor.close()
        await self._hand_back()
        await self._executors.close()
        log.info("worker.stopped", worker_id=str(self.id), abandoned=self.busy)

    async def _take_in(self, consumer: Consumer) -> None:
        while not self._stopping:
            free = self._options.concurrency - len(self._running)
            if free == 0:
                await self._until_free(consumer)
                continue
            if not self._heartbeat.may_claim:
                await self._until_renewed(consumer)
                continue
            if self._quiet:
                await self._until_resumed(consumer)
                continue
            try:
                claimed = await consumer.take(free)
            except StoreUnavailableError as error:
                log.warning("worker.store_unavailable", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if claimed and self._events.wanted:
                now = self._clock.now()
                self._events.publish([of_running(EventType.STARTED, task, now) for task in claimed])
            for task in claimed:
                self._run(task)
            if not claimed and not self._stopping:
                await consumer.wait()

    async def _until_renewed(self, consumer: Consumer) -> None:
        """Wait until the lease can be renewed again; till then leave to others what is pushed to this worker."""
        log.warning("worker.lease_not_renewed")
        await consumer.pause()
        while not self._heartbeat.may_claim and not self._stopping:  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(_RENEWAL_PAUSE_SECONDS)
        await consumer.resume()

    async def _until_resumed(self, consumer: Consumer) -> None:
        """Wait until this worker is told to go on; till then leave to others what is pushed to it."""
        log.info("worker.quiet")
        await consumer.pause()
        self.resting = True
        while self._quiet and not self._stopping:
            self._orders_changed.clear()
            await self._orders_changed.wait()
        self.resting = False
        if not self._stopping:
            await consumer.resume()

    async def _watch_lease(self) -> None:
        """Stop what runs once the lease is over: another worker may start it, and two shall not run it at once."""
        while True:
            left = self._heartbeat.lease_left
            if left <= 0 and self._processor.stop_all(StopReason.LOST):
                log.error("worker.lease_over", worker_id=str(self.id))
            await asyncio.sleep(max(left, _RENEWAL_PAUSE_SECONDS))

    async def _until_free(self, consumer: Consumer) -> None:
        """Wait for a free slot; leave to others what would wait here for long."""
        self._slot_freed.clear()
        try:
            async with asyncio.timeout(_SATURATED_SECONDS):
                await self._slot_freed.wait()
        except TimeoutError:
            await consumer.pause()
            await self._slot_freed.wait()
            await consumer.resume()

    def _run(self, task: ClaimedTask) -> None:
        running = asyncio.create_task(self._processor.run(task), name=f"task {task.id}")
        self._running.add(running)
        running.add_done_callback(self._ran)

    def _ran(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self._slot_freed.set()
        if not running.cancelled() and (error := running.exception()) is not None:
            log.error("processor.failed", exc_info=error)
            self.died.set()

    def hurry(self) -> None:
        """Cut a drain short: hand back what runs, now."""
        self._hurried.set()

    async def _let_end(self, seconds: float) -> None:
        """Wait until nothing runs any more, at most so long, or until somebody is in a hurry."""
        waits = {asyncio.create_task(self._idle()), asyncio.create_task(_set(self._hurried))}
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _idle(self) -> None:
        """Wait until nothing runs any more."""
        while self._running:
            await asyncio.wait(self._running)

    def _hear_stop(self, task_id: UUID, attempt: int) -> None:
        self._processor.stop(task_id, attempt, StopReason.CANCEL)

    async def _hand_back(self) -> None:
        """Give back what the store still holds for ours, then the lease itself."""
        now = self._clock.now()
        try:
            rows = await self._store.attempts.running(self.id)
            if rows:
                await self._put_back([(row.id, row.attempt) for row in rows])
            await self._store.workers.stop(self.id, now=now)
        except StoreUnavailableError as error:
            log.warning("worker.left_to_rescue", reason=str(error))

    async def _obey(self, orders: Orders) -> None:
        """Do what people ordered, this worker or whole queues."""
        if self._consumer is None:
            return
        self._consumer.hold(orders.paused)
        quiet = orders.ordered is not None
        if quiet != self._quiet:
            self._quiet = quiet
            self._orders_changed.set()
            self._consumer.wake()
        if orders.ordered is WorkerOrder.DRAIN:
            self.dismissed.set()

    async def _audit(self, rows: Sequence[Running]) -> None:
        """Pass cancels on; give back what the store holds for ours without our knowing, two beats in a row."""
        unknown = set()
        for row in rows:
            if not self._processor.knows(row.id, row.attempt):
                unknown.add((row.id, row.attempt))
            elif row.cancel_requested:
                self._processor.stop(row.id, row.attempt, StopReason.CANCEL)
        if self._consumer is None or self._consumer.claiming:
            return
        orphans, self._orphans = unknown & self._orphans, unknown
        for task_id, attempt in orphans:
            log.warning("task.orphan_given_back", task_id=str(task_id), attempt=attempt)
            await self._put_back([(task_id, attempt)])

    async def _put_back(self, held: Sequence[tuple[UUID, int]]) -> None:
        """Give attempts back that this worker does not run, uncharged."""
        now = self._clock.now()
        decisions = [PutBack(id=task_id, attempt=attempt, run_at=now) for task_id, attempt in held]
        written = await self._store.attempts.finish(decisions, now=now)
        if self._events.wanted:
            self._events.publish(of_decisions(decisions, written, [None] * len(decisions), now))

    async def _lost(self) -> None:
        """Another declared this worker lost: what it ran runs elsewhere now. Stop that, and go on under a new id."""
        self._processor.stop_all(StopReason.LOST)
        if self._subscription is not None:
            self._subscription.rebuild()


def prefetch(slots: int) -> Mapping[Priority, int]:
    """Deliveries in hand per lane: enough to keep the slots busy, few enough to leave the rest to other workers.

    With few slots and quick tasks a hand of one is empty whenever it is looked into, and a lower priority goes first.
    """
    return {
        Priority.HIGH: max(_FULL_HAND, slots),
        Priority.MEDIUM: max(_FULL_HAND, slots),
        Priority.LOW: max(1, slots // 2),
    }


async def _set(event: asyncio.Event) -> None:
    await event.wait()
