"""The interface of a dispatch: the relay hands over, workers subscribe.

A dispatch carries hints and decides nothing. What it offers is claimed from the store, which says yes or no; what it
loses is found by the sweep. That is why a dispatch may be absent for a while, and why another may stand in for it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
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


class Subscription(ABC):
    """The worker's end of a dispatch."""

    def __init__(self) -> None:
        self._hint = asyncio.Event()

    @property
    @abstractmethod
    def attached(self) -> bool:
        """Whether messages are pushed to this worker right now. While they are not, it claims next from the store."""

    @abstractmethod
    def heads(self) -> Mapping[Lane, float]:
        """For each lane that has a delivery in hand, the `published_at` of the oldest one."""

    @abstractmethod
    def take(self, lane: Lane) -> Delivery:
        """The oldest delivery in hand of a lane, to be settled by the caller."""

    @abstractmethod
    def put_back(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries in hand again, as the oldest of their lanes."""

    @abstractmethod
    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries that need no further attention; those of a lost connection are forgotten."""

    @abstractmethod
    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Park a delivery that cannot be processed, with the reason, and settle it."""

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
    async def hand_over(self, tasks: Sequence[HandOver]) -> Sequence[UUID]:
        """Hand tasks over; returns the ids for which responsibility was taken. The rest stays with the store.

        Raises:
            BrokerUnavailableError: there is nobody to hand over to.
        """

    @abstractmethod
    async def subscribe(self, queues: Sequence[str], prefetch: Mapping[Priority, int]) -> Subscription:
        """Begin to receive what is handed over to these queues; `prefetch` bounds the unsettled ones of a priority."""
