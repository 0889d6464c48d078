"""Direct dispatch: no broker. Workers claim from the store; a hand-over wakes those of the same process."""

from collections.abc import Collection, Mapping, Sequence
from typing import Never
from uuid import UUID
from weakref import WeakSet

from typing_extensions import override

from narad.dispatch.base import Control, Delivery, Dispatch, StopOrder, Subscription
from narad.domain.status import Priority
from narad.domain.task import HandOver, Lane


class DirectDispatch(Dispatch):
    """Workers of this process are woken; those of others find out when they look at the store next."""

    def __init__(self) -> None:
        self._subscriptions: WeakSet[DirectSubscription] = WeakSet()

    @property
    @override
    def may_lose(self) -> bool:
        return False

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    async def start(self) -> None:
        return

    @override
    async def stop(self) -> None:
        return

    @override
    async def hand_over(self, tasks: Sequence[HandOver], *, deep: Collection[Lane] = ()) -> Sequence[UUID]:
        queues = {task.queue for task in tasks}
        for subscription in self._subscriptions:
            if not queues.isdisjoint(subscription.served):
                subscription.hint()
        return [task.id for task in tasks]

    @override
    async def depth(self, lane: Lane) -> None:
        return None

    @override
    async def order_stop(self, order: StopOrder) -> bool:
        for subscription in self._subscriptions:
            if subscription.control.worker_id() == order.worker_id:
                subscription.control.stop(order.task_id, order.attempt)
                return True
        return False

    @override
    async def subscribe(
        self, queues: Sequence[str], prefetch: Mapping[Priority, int], control: Control
    ) -> Subscription:
        subscription = DirectSubscription(queues, control)
        self._subscriptions.add(subscription)
        return subscription


class DirectSubscription(Subscription):
    """Hints only: never attached, so never a delivery."""

    def __init__(self, queues: Sequence[str], control: Control) -> None:
        super().__init__(control)
        self._queues = frozenset(queues)
        self.served = self._queues

    @property
    @override
    def attached(self) -> bool:
        return False

    @override
    def heads(self) -> Mapping[Lane, float]:
        return {}

    @override
    def head(self, lane: Lane) -> None:
        return None

    @override
    def take(self, lane: Lane) -> Never:
        raise LookupError(lane)

    @override
    def put_back(self, deliveries: Sequence[Delivery]) -> None:
        return

    @override
    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        return

    @override
    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        raise LookupError(delivery)

    @override
    async def pause(self) -> None:
        return

    @override
    async def resume(self) -> None:
        return

    @override
    async def hold(self, queues: Collection[str]) -> None:
        self.served = self._queues.difference(queues)
        self.hint()

    @override
    async def renew(self, quiet_seconds: float) -> None:
        return

    @override
    def rebuild(self) -> None:
        return

    @override
    async def close(self) -> None:
        self.served = frozenset()
