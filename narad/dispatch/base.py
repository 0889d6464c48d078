"""The interface of a dispatch: the relay hands over, workers subscribe.

A dispatch carries hints and decides nothing. What it offers is claimed from the store, which says yes or no; what it
loses is found by the sweep. That is why a dispatch may be absent for a while, and why another may stand in for it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from narad.domain.status import Priority
from narad.domain.task import HandOver, Lane


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A message in the hands of a worker, to be settled by whoever takes it.

    `published_at` is in seconds since 1970, as the publisher stamped it.
    """

    body: bytes
    lane: Lane
    published_at: float


@dataclass(frozen=True, slots=True)
class StopOrder:
    """What a person's cancel becomes on its way to the worker that runs the attempt."""

    worker_id: UUID
    task_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Control:
    """The worker's ear: under which id it hears, and what it does with an order."""

    worker_id: Callable[[], UUID]
    stop: Callable[[UUID, int], object]


class Subscription(ABC):
    """The worker's end of a dispatch."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self._hint = asyncio.Event()

    @property
    @abstractmethod
    def attached(self) -> bool:
        """Whether messages are pushed to this worker right now. While they are not, it claims next from the store."""

    @abstractmethod
    def heads(self) -> Mapping[Lane, float]:
        """For each lane that has a delivery in hand, the `published_at` of the oldest one."""

    @abstractmethod
    def head(self, lane: Lane) -> float | None:
        """The `published_at` of the oldest delivery in hand of a lane; None without any."""

    @abstractmethod
    def take(self, lane: Lane) -> Delivery:
        """The oldest delivery in hand of a lane, to be settled by the caller."""

    @abstractmethod
    def put_back(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries in hand again, as the oldest of their lanes; those of a lost connection are forgotten."""

    @abstractmethod
    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries that need no further attention; those of a lost connection are forgotten.

        All that were taken from their lanes before them must be settled by now, put back, or among them.
        """

    @abstractmethod
    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Park a delivery that cannot be processed, with the reason, and settle it."""

    @abstractmethod
    async def pause(self) -> None:
        """Stop the push, and give back what is in hand, for other workers; orders to stop are still heard."""

    @abstractmethod
    async def resume(self) -> None:
        """Have messages pushed again."""

    @abstractmethod
    async def hold(self, queues: Collection[str]) -> None:
        """Have nothing pushed of these queues, whatever else happens, and of no others; give back what is in hand."""

    @abstractmethod
    async def renew(self, quiet_seconds: float) -> None:
        """Ask anew for lanes that brought nothing for so long: what they are attached to may be gone without a word."""

    @abstractmethod
    def rebuild(self) -> None:
        """Connect anew: the id of the worker has changed, or what should come does not."""

    @abstractmethod
    async def close(self) -> None:
        """Stop the push and give unsettled deliveries back."""

    def hint(self) -> None:
        """Say that there may be something to do."""
        self._hint.set()

    async def wait(self, seconds: float) -> None:
        """Wait for a hint, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._hint.wait()
        except TimeoutError:
            return
        self._hint.clear()


class Dispatch(ABC):
    """How work reaches workers."""

    @property
    @abstractmethod
    def may_lose(self) -> bool:
        """Whether something handed over can get lost on the way, so that the relay has to look again."""

    @property
    @abstractmethod
    def available(self) -> bool:
        """Whether a hand-over has a chance to succeed right now."""

    @abstractmethod
    async def start(self) -> None:
        """Begin to work; does not wait for a broker to be there."""

    @abstractmethod
    async def stop(self) -> None:
        """Give everything back; may be called at any time."""

    @abstractmethod
    async def hand_over(self, tasks: Sequence[HandOver], *, deep: Collection[Lane] = ()) -> Sequence[UUID]:
        """Hand tasks over; returns the ids for which responsibility was taken. The rest stays with the store.

        In the lanes of `deep` a backlog waits already, so several tasks may go together to one worker.

        Raises:
            BrokerUnavailableError: there is nobody to hand over to.
        """

    @abstractmethod
    async def depth(self, lane: Lane) -> int | None:
        """How many messages of a lane wait in the broker; None where nothing waits there, or nobody can tell."""

    @abstractmethod
    async def order_stop(self, order: StopOrder) -> bool:
        """Pass an order to its worker; False where it cannot be reached this way. The heartbeat will tell it then."""

    @abstractmethod
    async def subscribe(
        self, queues: Sequence[str], prefetch: Mapping[Priority, int], control: Control
    ) -> Subscription:
        """Begin to receive what is handed over to these queues; `prefetch` bounds the unsettled ones of a priority."""
