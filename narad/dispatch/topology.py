"""What exists in the broker, as data. The version in the names lets a later layout stand beside this one.

Three quorum queues for each queue of ours, instead of one with message priorities: those behave in four ways between
RabbitMQ 3.10 and 4.3, plain queues in one. Arguments of a queue can never change, so only what is legal and means the
same in every version is here; limits of length and time belong into an operator's policy.
"""

from dataclasses import dataclass
from types import MappingProxyType

from narad.domain.status import Priority
from narad.domain.task import Lane

PREFIX = "narad.v1"
DEAD_LETTER_EXCHANGE = f"{PREFIX}.dlx"
DEAD_LETTER_QUEUE = f"{PREFIX}.dead"
DEAD_LETTER_KEY = "dead"

DELIVERY_LIMIT = 100
"""Returns of a message before the broker parks it. Positive: 3.10 drops a message at once where the limit is -1."""

CONTROL_EXCHANGE = f"{PREFIX}.control"
_MOST_ORDERS = 1_000
CONTROL_ARGUMENTS: MappingProxyType[str, str | int] = MappingProxyType({"x-max-length": _MOST_ORDERS})
"""Of a worker's own queue for orders: classic, exclusive, gone with its connection. The heartbeat has the same news."""

EVENT_EXCHANGE = f"{PREFIX}.events"
EVENT_KEY = "events"
CALL_KEY = "call"
HELLO_KEY = "hello"
"""Of the call for events, by a process that has clients which want them."""
EVENT_ARGUMENTS: MappingProxyType[str, str | int] = MappingProxyType(
    {"x-max-length": 10_000, "x-max-length-bytes": 16_777_216}
)
"""Of a process's own queue for events: classic, exclusive, gone with its connection. The oldest are dropped first."""

_MOST_DEAD_LETTERS = 100_000


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue of the broker; all are durable, none is exclusive or deletes itself."""

    name: str
    arguments: MappingProxyType[str, str | int]


def lane_queue(lane: Lane) -> QueueSpec:
    """The broker's queue for a lane."""
    return QueueSpec(
        f"{PREFIX}.{lane.queue}.{lane.priority.lower()}",
        MappingProxyType(
            {
                "x-queue-type": "quorum",
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-queue-leader-locator": "balanced",
                "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
                "x-dead-letter-routing-key": DEAD_LETTER_KEY,
            }
        ),
    )


def lane_of(name: str) -> Lane | None:
    """The lane that a queue of the broker is for; None where it is for none."""
    if not name.startswith(f"{PREFIX}."):
        return None
    queue, _, word = name.removeprefix(f"{PREFIX}.").rpartition(".")
    known = {priority.lower(): priority for priority in Priority}
    return Lane(queue, known[word]) if queue and word in known else None


def lanes(queue: str) -> tuple[Lane, ...]:
    """The three lanes of a queue."""
    return tuple(Lane(queue, priority) for priority in Priority)


DEAD_LETTERS = QueueSpec(
    DEAD_LETTER_QUEUE,
    MappingProxyType({"x-queue-type": "quorum", "x-max-length": _MOST_DEAD_LETTERS, "x-overflow": "drop-head"}),
)
