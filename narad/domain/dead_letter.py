"""Dead letters: messages that could not be processed, parked in the broker. Whoever looks at them asks by this."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from narad.domain.task import Lane

MOST_LOOKED_AT = 100
"""Dead letters that are looked at together: the oldest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was parked.

    `key` tells it from others by what it holds. `lane` is where it came from, None where nobody can tell, and then it
    cannot be replayed. `task_ids` are empty where it cannot be decoded. `parked_at` is known of those that the broker
    parked by itself.
    """

    key: str
    reason: str
    lane: Lane | None
    task_ids: Sequence[UUID]
    body: str
    parked_at: datetime | None


class DeadLetters(Protocol):
    """The dead letters of the broker, for whoever does not know the broker."""

    async def count(self) -> int:
        """How many there are.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        ...

    async def look(self) -> Sequence[DeadLetter]:
        """The oldest, which stay where they are.

        Raises:
            BrokerUnavailableError: the broker does not answer.
        """
        ...

    async def replay(self, keys: Collection[str]) -> int:
        """Send those of these keys to the lanes they came from; how many. They must be among the oldest.

        Raises:
            BrokerUnavailableError: the broker does not answer; what was sent already may be there twice.
        """
        ...
