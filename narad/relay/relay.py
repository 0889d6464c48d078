"""The relay: what was just committed is handed over at once, what a dead process left behind is swept up.

The nudge is a hint kept in memory; the row is the truth. A nudge that is dropped, a publish that is not confirmed, a
process that dies at any point: the row is still due, and the sweep of any relay finds it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.dispatch.base import Dispatch, StopOrder
from narad.domain.event import of_handed_over
from narad.domain.status import Status
from narad.domain.task import HandOver, Lane, NewTask, Task
from narad.errors import BrokerUnavailableError, StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.relay.lanes import Depths
from narad.service import Service
from narad.store.handovers import FIRST_GUARD_SECONDS, LONGEST_GUARD_SECONDS, HandOvers

log = structlog.get_logger(__name__)

WINDOW = 256
"""Hand-overs at a time: a confirm of many walks all that are outstanding, so the window stays small."""
MOST_NUDGES = 10_000
MARK_AFTER_SECONDS = 0.02
"""Time that a mark waits: by then many of its tasks are claimed, and need no mark."""
SOON_SECONDS = 0.02
"""Pause between two sweeps while tasks come in that another process stored."""
MANY = 32
"""Tasks for one lane at a time that are worth asking how deep it is."""
BACKLOG = 1_000
"""A lane as deep as this is a backlog: its tasks are looked at again late, so that they are not rewritten in vain."""


class Relay(Service):
    """Hands tasks over to dispatch and marks them PENDING; passes on orders to stop."""

    def __init__(
        self,
        handovers: HandOvers,
        dispatch: Dispatch,
        clock: Clock,
        *,
        sweep_seconds: float,
        events: Announcer = SILENCE,
    ) -> None:
        super().__init__()
        self._events = events
        self._handovers = handovers
        self._dispatch = dispatch
        self._clock = clock
        self._sweep_seconds = sweep_seconds
        self._depths = Depths(dispatch, clock)
        self._nudges: deque[HandOver] = deque(maxlen=MOST_NUDGES)
        self._orders: deque[StopOrder] = deque(maxlen=MOST_NUDGES)
        self._nudged = asyncio.Event()
        self._ordered = asyncio.Event()
        self._marks: list[HandOver] = []
        self._to_mark = asyncio.Event()

    @override
    async def start(self) -> None:
        self._spawn(self._hand_over_nudged())
        self._spawn(self._pass_orders())
        self._spawn(self._sweep())
        self._spawn(self._mark())

    def nudge(self, tasks: Sequence[NewTask]) -> None:
        """Hear of tasks that were just committed; never blocks, and may forget."""
        now = self._clock.now()
        self._nudges.extend(
            HandOver(id=t.id, queue=t.queue, priority=t.priority, status=Status.NEW, attempt=0, handovers=0)
            for t in tasks
            if t.run_at <= now
        )
        self._nudged.set()

    def nudge_moved(self, task: Task) -> None:
        """Hear of a waiting task that goes another way now, or its way again; never blocks, and may forget."""
        if task.run_at <= self._clock.now():
            # It counts as NEW, so that it is marked: its row is due at once, and would be handed over twice.
            self._nudges.append(
                HandOver(
                    id=task.id,
                    queue=task.queue,
                    priority=task.priority,
                    status=Status.NEW,
                    attempt=task.attempt,
                    handovers=0,
                )
            )
            self._nudged.set()

    def order_stop(self, task: Task) -> None:
        """Hear of a running task whose cancel was asked for; never blocks, and may forget."""
        if task.worker_id is not None:
            self._orders.append(StopOrder(task.worker_id, task.id, task.attempt))
            self._ordered.set()

    async def _hand_over_nudged(self) -> None:
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            while self._nudges:
                batch = [self._nudges.popleft() for _ in range(min(WINDOW, len(self._nudges)))]
                await self._hand_over(batch)

    async def _pass_orders(self) -> None:
        while True:
            await self._ordered.wait()
            self._ordered.clear()
            while self._orders:
                await self._dispatch.order_stop(self._orders.popleft())

    async def _sweep(self) -> None:
        """Look for due tasks: again at once after a full window, soon where some were found, and then ever later.

        Keeps still while nobody would take them.
        """
        pause = self._sweep_seconds
        adopted = not self._dispatch.may_lose
        while True:
            taken = 0
            if self._dispatch.available:
                try:
                    if not adopted:
                        await self._handovers.make_due(now=self._clock.now())
                        adopted = True
                    due = await self._handovers.due(WINDOW, now=self._clock.now())
                    taken = len(due)
                    await self._hand_over(await self._without_backlogs(due))
                except StoreUnavailableError as error:
                    log.warning("relay.store_unavailable", reason=str(error))
                except BrokerUnavailableError as error:
                    log.warning("relay.broker_unavailable", reason=str(error))
            pause = SOON_SECONDS if taken else min(pause * 2, self._sweep_seconds)
            if taken < WINDOW:
                await asyncio.sleep(pause)

    async def _without_backlogs(self, due: Sequence[HandOver]) -> Sequence[HandOver]:
        """Leave out what was handed over before and still waits in a lane with messages: it is not lost, only late."""
        kept = []
        for task in due:
            again = task.status is Status.PENDING and task.handovers > 1
            if not (again and await self._depths.of(Lane(task.queue, task.priority))):
                kept.append(task)
        return kept

    async def _hand_over(self, batch: Sequence[HandOver]) -> None:
        if not batch:
            return
        try:
            confirmed = set(await self._dispatch.hand_over(batch, deep=await self._deep_lanes(batch)))
        except BrokerUnavailableError as error:
            log.debug("relay.broker_unavailable", tasks=len(batch), reason=str(error))
            return
        # What cannot get lost needs no second look, so its rows are marked whatever their status, to be due no more.
        self._marks += [
            task
            for task in batch
            if task.id in confirmed and (task.status is Status.NEW or not self._dispatch.may_lose)
        ]
        if self._marks:
            self._to_mark.set()

    async def _deep_lanes(self, batch: Sequence[HandOver]) -> Collection[Lane]:
        """Lanes with a backlog, out of those that get many tasks now; nobody is asked about the others."""
        if not self._dispatch.may_lose:
            return ()
        deep = []
        for lane, tasks in Counter(Lane(task.queue, task.priority) for task in batch).items():
            if tasks >= MANY:
                if await self._depths.of(lane) >= BACKLOG:
                    deep.append(lane)
                self._depths.add(lane, tasks)
        return deep

    async def _mark(self) -> None:
        while True:
            await self._to_mark.wait()
            await asyncio.sleep(MARK_AFTER_SECONDS)
            self._to_mark.clear()
            handed_over, self._marks = self._marks, []
            try:
                for guard, tasks in (await self._by_guard(handed_over)).items():
                    guard_until = None if guard is None else self._clock.now() + guard
                    marked = await self._handovers.mark_pending(tasks, guard_until=guard_until)
                    if marked and self._events.wanted:
                        self._announce(tasks, set(marked))
            except (StoreUnavailableError, BrokerUnavailableError) as error:
                log.warning("relay.not_marked", tasks=len(handed_over), reason=str(error))

    def _announce(self, tasks: Sequence[HandOver], marked: Collection[UUID]) -> None:
        """Tell of tasks that became PENDING; those that were so before were marked again."""
        now = self._clock.now()
        fresh = [task for task in tasks if task.id in marked and task.status is Status.NEW]
        self._events.publish([of_handed_over(task, now) for task in fresh])

    async def _by_guard(self, tasks: Sequence[HandOver]) -> dict[timedelta | None, list[HandOver]]:
        """The tasks by the time after which they are looked at again."""
        if not self._dispatch.may_lose:
            return {None: list(tasks)}
        by_lane: dict[Lane, list[HandOver]] = {}
        for task in tasks:
            by_lane.setdefault(Lane(task.queue, task.priority), []).append(task)
        found: dict[timedelta | None, list[HandOver]] = {}
        for lane, of_lane in by_lane.items():
            deep = await self._depths.of(lane) >= BACKLOG
            seconds = LONGEST_GUARD_SECONDS if deep else FIRST_GUARD_SECONDS
            found.setdefault(timedelta(seconds=seconds), []).extend(of_lane)
        return found
