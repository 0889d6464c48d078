"""The consumer turns free slots into claimed tasks: from what is pushed, or, while nothing is, from the store.

Messages are settled here and nowhere else. A message is acknowledged right after the claim of its task has committed,
whether the claim took it or not: from then on the row alone says what is to be done. No delivery is held while a
handler runs, so neither a reconnect nor the broker's own time limits touch running work.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from narad.clock import Clock
from narad.dispatch.base import Subscription
from narad.domain.picking import Picker
from narad.domain.task import ClaimedTask
from narad.errors import StoreUnavailableError
from narad.store.attempts import Aged, Attempts
from narad.worker.hand import Hand
from narad.worker.identity import Identity

log = structlog.get_logger(__name__)

ATTACHED_PAUSE_SECONDS = 5.0
SECOND_LOOK_SECONDS = 0.05
MOST_SECOND_LOOKS = 1_000
OVERDUE = timedelta(seconds=10)
"""Tasks that could have run so long ago, while this worker was idle and attached, say that the push does not work."""


class Consumer:
    """Claims for free slots only: a task claimed ahead would be IN_PROGRESS without being so."""

    def __init__(
        self,
        attempts: Attempts,
        subscription: Subscription,
        picker: Picker,
        clock: Clock,
        *,
        identity: Identity,
        watchdog_seconds: float,
        queues: Sequence[str],
        aged: Aged,
        poll_seconds: float,
    ) -> None:
        self._attempts = attempts
        self._subscription = subscription
        self._picker = picker
        self._hand = Hand(subscription, picker)
        self._clock = clock
        self._identity = identity
        self._watchdog_seconds = watchdog_seconds
        self._delivered_at = clock.monotonic()
        self._second_looks: deque[tuple[float, set[UUID]]] = deque(maxlen=MOST_SECOND_LOOKS)
        self.claiming = False
        self._queues = queues
        self._to_hold: frozenset[str] = frozenset()
        self._held: frozenset[str] = frozenset()
        self._aged = aged
        self._poll_seconds = poll_seconds

    async def take(self, slots: int) -> Sequence[ClaimedTask]:
        """Claim up to `slots` tasks that are at hand, the most urgent first; may come back with none.

        While `claiming`, the store may know of claims that this worker does not know of yet.
        """
        self.claiming = True
        try:
            await self._hold()
            attached = self._subscription.attached
            return await (self._from_deliveries(slots) if attached else self._from_store(slots))
        finally:
            self.claiming = False

    async def wait(self) -> None:
        """Wait until there may be something to take."""
        if not self._hand.empty:
            return
        pause = ATTACHED_PAUSE_SECONDS if self._subscription.attached else self._poll_seconds
        await self._subscription.wait(pause)

    async def pause(self) -> None:
        """Take nothing in hand for a while, and give back what is there."""
        self._hand.put_down()
        await self._subscription.pause()

    async def resume(self) -> None:
        """Take in hand again."""
        await self._hold()
        await self._subscription.resume()

    def hold(self, queues: Collection[str]) -> None:
        """From the next `take` on, have nothing in hand of these queues. The store refuses direct claims itself."""
        self._to_hold = frozenset(queues).intersection(self._queues)
        if self._to_hold != self._held:
            self.wake()

    def wake(self) -> None:
        """End a `wait`."""
        self._subscription.hint()

    async def close(self) -> None:
        """Stop intake; what was delivered and not claimed goes back to the broker."""
        await self._subscription.close()

    async def _hold(self) -> None:
        """Between two claims, so that no delivery is given back of which a claim is under way."""
        if self._to_hold != self._held:
            self._held = self._to_hold
            log.info("consumer.queues_held", queues=sorted(self._held))
            self._hand.put_down(self._held)
            await self._subscription.hold(self._held)

    async def _from_deliveries(self, slots: int) -> Sequence[ClaimedTask]:
        await self._subscription.renew(self._watchdog_seconds)
        early = self._ready_for_second_look(slots)
        picked = await self._hand.pick(slots - len(early))
        if picked.ids or early:
            self._delivered_at = self._clock.monotonic()
        elif self._clock.monotonic() - self._delivered_at > self._watchdog_seconds:
            return await self._forgotten(slots)
        ids = {task_id for task_id, _ in picked.ids}
        wanted = ids | early
        if not wanted:
            return ()
        try:
            claimed = await self._attempts.claim(list(wanted), worker_id=self._identity.id, now=self._clock.now())
        except StoreUnavailableError:
            self._hand.take_back(picked)
            raise
        await self._hand.settle(picked)
        self._look_again(ids - {task.id for task in claimed})
        return claimed

    def _look_again(self, refused: set[UUID]) -> None:
        """Try once more, a moment later, what could not be claimed.

        Most of it is settled or taken. But where this clock is behind that of the host that handed a task over, its
        time to run may lie just ahead; forgotten here, it would wait for the relay to look at it again.
        """
        if refused:
            self._second_looks.append((self._clock.monotonic() + SECOND_LOOK_SECONDS, refused))
            asyncio.get_running_loop().call_later(SECOND_LOOK_SECONDS, self._subscription.hint)

    def _ready_for_second_look(self, slots: int) -> set[UUID]:
        ready: set[UUID] = set()
        now = self._clock.monotonic()
        while self._second_looks and self._second_looks[0][0] <= now:
            at, ids = self._second_looks.popleft()
            room = slots - len(ready)
            if len(ids) > room:
                self._second_looks.appendleft((at, set(list(ids)[room:])))
                return ready | set(list(ids)[:room])
            ready |= ids
        return ready

    async def _forgotten(self, slots: int) -> Sequence[ClaimedTask]:
        """After a quiet time, see whether it is quiet because nothing is pushed; if so run that, and connect anew."""
        self._delivered_at = self._clock.monotonic()
        claimed: list[ClaimedTask] = []
        for queue in self._queues:
            if len(claimed) < slots:
                claimed += await self._claim_next(queue, slots - len(claimed), None, OVERDUE)
        if claimed:
            log.warning("consumer.not_pushed", tasks=len(claimed))
            self._subscription.rebuild()
        return claimed

    async def _from_store(self, slots: int) -> Sequence[ClaimedTask]:
        by_priority, by_age = self._picker.split(slots)
        claimed: list[ClaimedTask] = []
        for queue in self._queues:
            if by_age:
                aged = await self._claim_next(queue, by_age, self._aged)
                by_age -= len(aged)
                claimed += aged
        by_priority += by_age
        for queue in self._queues:
            if by_priority:
                urgent = await self._claim_next(queue, by_priority, None)
                by_priority -= len(urgent)
                claimed += urgent
        return claimed

    async def _claim_next(
        self, queue: str, slots: int, aged: Aged | None, overdue: timedelta = timedelta(0)
    ) -> Sequence[ClaimedTask]:
        return await self._attempts.claim_next(
            queue, slots, worker_id=self._identity.id, now=self._clock.now(), aged=aged, overdue=overdue
        )
