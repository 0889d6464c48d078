"""The feed within one process, for direct dispatch."""

from collections.abc import Sequence

from typing_extensions import override

from narad.domain.event import TaskEvent
from narad.events.base import Ear, Feed


class LocalFeed(Feed):
    """Tells the ear of this process at once. Of what other processes do it knows nothing."""

    def __init__(self, *, works_alone: bool) -> None:
        """`works_alone` where this process has workers of its own, so that most of what happens happens here."""
        super().__init__()
        self._works_alone = works_alone
        self._ear: Ear | None = None

    @property
    @override
    def wanted(self) -> bool:
        return self._ear is not None

    @property
    @override
    def complete(self) -> bool:
        return self._works_alone

    @override
    def publish(self, events: Sequence[TaskEvent]) -> None:
        if self._ear is not None:
            self._ear.hear(events)

    @override
    def attend(self, ear: Ear) -> None:
        self._ear = ear

    @override
    def rest(self) -> None:
        self._ear = None
