"""The worker: its lease, its orders and its drain around the slots and the intake that keeps them busy."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.dispatch.base import Control, Dispatch, Subscription
from narad.domain.decide import PutBack
from narad.domain.event import of_decisions
from narad.domain.fleet import Orders, WorkerOrder
from narad.domain.picking import AgeingQuota, Picker
from narad.domain.retry import RetryPolicy
from narad.domain.status import Priority
from narad.domain.task import NewTask, Running
from narad.errors import StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.outbound.options import OutboundOptions
from narad.outbound.outbound import Outbound
from narad.service import Service
from narad.store.attempts import Aged
from narad.store.store import Store
from narad.tally import Tally
from narad.worker import workspace
from narad.worker.catalogue import describe
from narad.worker.consumer import Consumer
from narad.worker.execution import StopReason
from narad.worker.executors import Executors
from narad.worker.follow_ups import Allowances, WorkerDesk
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Heartbeat, Listeners, Rhythm
from narad.worker.identity import Identity
from narad.worker.intake import Intake
from narad.worker.loop_watch import LoopWatch
from narad.worker.processes import ProcessLimits
from narad.worker.processor import Processor
from narad.worker.resources import Resources
from narad.worker.slots import Slots

log = structlog.get_logger(__name__)

_SLACK_SECONDS = 1.0
"""Beyond the grace, for attempts to let go of their slots."""
_RENEWAL_PAUSE_SECONDS = 0.1
_FULL_HAND = 8
_UNPUBLISHED_SECONDS = 60.0
"""After a publication of the handlers that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker serves and how."""

    name: str | None = None
    concurrency: int
    queues: tuple[str, ...]
    rhythm: Rhythm
    process_limits: ProcessLimits
    outbound: OutboundOptions = field(default_factory=OutboundOptions)
    most_result_bytes: int
    policy: RetryPolicy
    stops_on_lease_loss: bool = False
    quota: AgeingQuota
    poll_seconds: float
    watchdog_seconds: float
    drain_seconds: float
    publish_seconds: float = 86_400.0
    """Between two publications of the handlers."""
    blocked_seconds: float = 1.0
    allowances: Allowances = field(default_factory=Allowances)


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
        resources: Resources | None = None,
        created: Callable[[Sequence[NewTask]], None] = lambda _tasks: None,
    ) -> None:
        """`open_store` opens the store once more, for the thread of the heartbeat; `created` hears of follow-ups."""
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
        self._resources = resources or Resources()
        self._executors = Executors(
            options.concurrency,
            options.most_result_bytes,
            options.process_limits,
            options.outbound,
            self._resources,
        )
        desk = WorkerDesk(store, handlers, clock, allowances=options.allowances, created=created)
        self._loop_watch = LoopWatch(handlers.values(), limit_seconds=options.blocked_seconds)
        self._outbound = Outbound(options.outbound)
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
            outbound=self._outbound,
            desk=desk,
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
        self._orphans: set[tuple[UUID, int]] = set()
        self._consumer: Consumer | None = None
        self._subscription: Subscription | None = None
        self._slots = Slots(options.concurrency, self._processor.run, self.died.set)
        self._intake: Intake | None = None
        self._taking: asyncio.Task[None] | None = None

    @property
    def id(self) -> UUID:
        """The id under which it works now; another one after it was declared lost."""
        return self._identity.id

    @property
    def busy(self) -> int:
        """Slots in use, those of handlers that ignore their stop included."""
        return self._slots.busy

    @property
    def resting(self) -> bool:
        """Whether it leaves everything to others, as it was told; what it runs goes on."""
        return self._intake is not None and self._intake.resting

    @override
    async def start(self) -> None:
        options = self._options
        if left := await asyncio.to_thread(workspace.remove_left):
            log.info("worker.directories_removed", left_by_killed_processes=left)
        await self._resources.open()
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
        # Claimed all at once, quick tasks would all end at once: the slots would wait for the store, then it for them.
        most = -(-options.concurrency // 2)
        self._intake = Intake(self._consumer, self._slots, self._heartbeat, self._clock, self._events, most=most)
        self._consumer.hold(await self._store.workers.paused_queues())
        await self._heartbeat.start()
        self._spawn(self._publish_again())
        if options.stops_on_lease_loss:
            self._spawn(self._watch_lease())
        self._loop_watch.start()
        self._taking = self._spawn(self._intake.run())
        log.info("worker.started", worker_id=str(self.id), queues=options.queues, slots=options.concurrency)

    @override
    async def stop(self) -> None:
        """Drain: take nothing more in, let handlers end for a while, hand the rest back uncharged.

        Cancels are heard, and the lease is renewed, until the last handler has ended.
        """
        if self._stopping:
            return
        self._stopping = True
        if self._consumer is None or self._intake is None or self._taking is None:
            await self._resources.close()
            return
        log.info("worker.draining", running=self.busy)
        self._heartbeat.draining = True
        self._intake.stop()
        await asyncio.wait({self._taking})
        await self._consumer.pause()
        await self._slots.let_end(self._options.drain_seconds)
        self._processor.stop_all(StopReason.DRAIN)
        await self._slots.let_end(self._options.process_limits.grace_seconds + _SLACK_SECONDS)
        await self._consumer.close()
        await self._heartbeat.stop()
        await super().stop()
        await self._processor.close()
        await self._hand_back()
        await self._executors.close()
        await self._outbound.close()
        self._loop_watch.stop()
        await self._resources.close()
        log.info("worker.stopped", worker_id=str(self.id), abandoned=self.busy)

    async def _publish_again(self) -> None:
        """Say now and then what is offered here: the catalogue forgets handlers that nobody has told of for long."""
        pause = self._options.publish_seconds
        while True:
            await asyncio.sleep(pause)
            try:
                await self._store.catalogue.publish(describe(self._handlers.values()), now=self._clock.now())
                pause = self._options.publish_seconds
            except StoreUnavailableError as error:
                log.warning("worker.handlers_not_published", reason=str(error))
                pause = min(_UNPUBLISHED_SECONDS, self._options.publish_seconds)

    async def _watch_lease(self) -> None:
        """Stop what runs once the lease is over: another worker may start it, and two shall not run it at once."""
        while True:
            left = self._heartbeat.lease_left
            if left <= 0 and self._processor.stop_all(StopReason.LOST):
                log.error("worker.lease_over", worker_id=str(self.id))
            await asyncio.sleep(max(left, _RENEWAL_PAUSE_SECONDS))

    def hurry(self) -> None:
        """Cut a drain short: hand back what runs, now."""
        self._slots.hurry()

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
        if self._consumer is None or self._intake is None:
            return
        self._consumer.hold(orders.paused)
        self._intake.be_quiet(quiet=orders.ordered is not None)
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
