"""The six statuses, the three priorities and the one table of moves between statuses."""

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """Where a task stands. The order of the members is the order of their codes in the store."""

    NEW = "NEW"
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether a task with this status has ended; only a person can wake it again."""
        return self in FINAL

    @property
    def is_waiting(self) -> bool:
        """Whether a task with this status waits for a worker."""
        return self in WAITING


class Priority(StrEnum):
    """How urgent a task is. The order of the members is the order of their codes in the store."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


WAITING = frozenset({Status.NEW, Status.PENDING})
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

BY_URGENCY = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)
"""Every priority, the most urgent first."""


class Move(NamedTuple):
    """A legal change of status and the verb that makes it."""

    verb: str
    source: Status
    target: Status


MOVES: tuple[Move, ...] = (
    Move("hand over", Status.NEW, Status.PENDING),
    Move("claim", Status.NEW, Status.IN_PROGRESS),
    Move("claim", Status.PENDING, Status.IN_PROGRESS),
    Move("complete", Status.IN_PROGRESS, Status.COMPLETED),
    Move("fail", Status.IN_PROGRESS, Status.FAILED),
    Move("confirm cancel", Status.IN_PROGRESS, Status.CANCELLED),
    Move("put back", Status.IN_PROGRESS, Status.PENDING),
    Move("cancel", Status.NEW, Status.CANCELLED),
    Move("cancel", Status.PENDING, Status.CANCELLED),
    Move("retry", Status.FAILED, Status.PENDING),
    Move("retry", Status.CANCELLED, Status.PENDING),
)
"""Every legal move. A claim may overtake the mark that follows a hand-over, hence NEW to IN_PROGRESS."""

_LEGAL = frozenset((move.source, move.target) for move in MOVES)


def is_legal(source: Status, target: Status) -> bool:
    """Whether a task may go from `source` to `target` in one step."""
    return (source, target) in _LEGAL
