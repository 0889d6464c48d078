"""Operations on many tasks at once: what each does, to which of them, and how far one has come."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from narad.domain.status import FINAL, Priority, Status


class BulkAction(StrEnum):
    """What is done to each task. The order of the members is the order of their codes in the store."""

    CANCEL = "cancel"
    RETRY = "retry"
    SET_PRIORITY = "set_priority"
    PURGE = "purge"


class BulkStatus(StrEnum):
    """Where an operation stands. The order of the members is the order of their codes in the store."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"


APPLIES_TO: Mapping[BulkAction, tuple[Status, ...]] = {
    BulkAction.CANCEL: (Status.NEW, Status.PENDING, Status.IN_PROGRESS),
    BulkAction.RETRY: (Status.FAILED, Status.CANCELLED),
    BulkAction.SET_PRIORITY: (Status.NEW, Status.PENDING),
    BulkAction.PURGE: tuple(sorted(FINAL)),
}
"""The statuses of the tasks that an action changes, in the order in which a task may pass through them."""

ON_FINISHED = frozenset({BulkAction.RETRY, BulkAction.PURGE})
"""Actions on tasks that have ended: those that end only after the operation was asked for are not meant."""

_MOST_PASSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far an operation has come: it walks through one status after the other by the ids of the tasks.

    A task may change its status meanwhile and be missed, so the walk is repeated until it changes nothing more, three
    times at most.
    """

    walk: int = 0
    stage: int = 0
    after: UUID | None = None
    changed: int = 0
    """Tasks changed in this walk."""

    def status(self, action: BulkAction) -> Status:
        """The status of the tasks that are looked at."""
        return APPLIES_TO[action][self.stage]

    def moved(self, action: BulkAction, last: UUID | None, changed: int) -> "Place | None":
        """The next place, after a look whose last row was `last`, none where it found no more; None at the end."""
        changed += self.changed
        if last is not None:
            return replace(self, after=last, changed=changed)
        if self.stage + 1 < len(APPLIES_TO[action]):
            return replace(self, stage=self.stage + 1, after=None, changed=changed)
        if changed and self.walk + 1 < _MOST_PASSES:
            return Place(walk=self.walk + 1)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOperation:
    """An operation as it is stored.

    `changed` counts the tasks that it changed, `missed` those that were no longer in a state for it when it first came.
    """

    id: UUID
    action: BulkAction
    priority: Priority | None
    reason: str | None
    status: BulkStatus
    place: Place
    changed: int
    missed: int
    created_at: datetime
    finished_at: datetime | None
    version: int
