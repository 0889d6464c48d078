"""What a worker has in hand: deliveries as they came, and the ids inside those that were opened."""

import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from narad.dispatch.base import Delivery, Subscription
from narad.domain import message
from narad.domain.picking import Picker
from narad.domain.task import Lane

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Opened:
    """A delivery and those of its ids that were not picked yet."""

    delivery: Delivery
    ids: deque[UUID]


@dataclass(slots=True)
class Picked:
    """Ids to be claimed, each with the delivery that spoke of it, and the deliveries that hold no more."""

    ids: list[tuple[UUID, Opened]] = field(default_factory=list)
    emptied: list[Opened] = field(default_factory=list)


class Hand:
    """Picks ids by the order of lanes that the picker says, and within a lane in the order of the deliveries.

    A delivery is settled when the last of its ids was claimed or refused; so those of a lane are settled in order.
    """

    def __init__(self, subscription: Subscription, picker: Picker) -> None:
        self._subscription = subscription
        self._picker = picker
        self._opened: dict[Lane, deque[Opened]] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to pick."""
        return not self._opened and not self._subscription.heads()

    async def pick(self, slots: int) -> Picked:
        """Pick up to `slots` ids. A delivery that cannot be decoded is parked as a dead letter."""
        picked = Picked()
        heads = dict(self._subscription.heads())
        heads |= {lane: opened[0].delivery.published_at for lane, opened in self._opened.items()}
        now = time.time()
        while len(picked.ids) < slots and (lane := self._next_lane(heads, now)) is not None:
            opened = self._opened[lane][0] if lane in self._opened else await self._open(lane)
            if opened is not None:
                picked.ids.append((opened.ids.popleft(), opened))
                if not opened.ids:
                    picked.emptied.append(opened)
                    self._let_go(lane)
            head = self._head(lane)
            if head is None:
                del heads[lane]
            else:
                heads[lane] = head
        return picked

    async def settle(self, picked: Picked) -> None:
        """Acknowledge the deliveries of which no id is left."""
        await self._subscription.ack([opened.delivery for opened in picked.emptied])

    def take_back(self, picked: Picked) -> None:
        """Have in hand again what could not be claimed, in the same order."""
        for task_id, opened in reversed(picked.ids):
            of_lane = self._opened.setdefault(opened.delivery.lane, deque())
            if opened not in of_lane:
                of_lane.appendleft(opened)
            opened.ids.appendleft(task_id)

    def put_down(self, queues: Collection[str] | None = None) -> None:
        """Give opened deliveries, those of some queues or all, back to the subscription.

        They go back whole: what was claimed of them is refused elsewhere.
        """
        for lane in [lane for lane in self._opened if queues is None or lane.queue in queues]:
            self._subscription.put_back([opened.delivery for opened in self._opened.pop(lane)])

    async def _open(self, lane: Lane) -> Opened | None:
        delivery = self._subscription.take(lane)
        try:
            opened = Opened(delivery, deque(message.decode(delivery.body)))
        except message.UndecodableMessageError as error:
            log.warning("message.undecodable", queue=lane.queue, reason=str(error))
            await self._subscription.dead_letter(delivery, str(error))
            return None
        self._opened[lane] = deque([opened])
        return opened

    def _let_go(self, lane: Lane) -> None:
        of_lane: deque[Opened] = self._opened[lane]
        of_lane.popleft()
        if not of_lane:
            del self._opened[lane]

    def _head(self, lane: Lane) -> float | None:
        if lane in self._opened:
            return self._opened[lane][0].delivery.published_at
        return self._subscription.head(lane)

    def _next_lane(self, heads: Mapping[Lane, float], now: float) -> Lane | None:
        oldest: dict[str, Lane] = {}
        for lane, published_at in heads.items():
            best = oldest.get(lane.priority)
            if best is None or published_at < heads[best]:
                oldest[lane.priority] = lane
        priority = self._picker.pick({lane.priority: now - heads[lane] for lane in oldest.values()})
        return None if priority is None else oldest[priority]
