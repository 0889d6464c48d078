"""The interface of a feed: whoever changes tasks announces it, the hub of an API process hears.

Events are hints, at most once. A feed may drop them, never blocks and never fails whoever announces; it says when it
may have lost some, and whoever depends on a task reads it again.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from narad.domain.event import TaskEvent
from narad.service import Service


class Announcer(Protocol):
    """What a stage of the service is given to tell of changes."""

    @property
    def wanted(self) -> bool:
        """Whether anybody listens. Asked first, it spares the making of events that nobody would hear."""
        ...

    def publish(self, events: Sequence[TaskEvent]) -> None:
        """Tell of changes that were just committed; never blocks, never raises, and may forget."""
        ...


class Silence:
    """An announcer that nobody listens to."""

    @property
    def wanted(self) -> bool:
        return False

    def publish(self, events: Sequence[TaskEvent]) -> None:  # noqa: ARG002 - nobody hears them
        return


SILENCE = Silence()


class Ear(Protocol):
    """Who hears."""

    def hear(self, events: Sequence[TaskEvent]) -> None:
        """Take events, in the order in which each sender sent them."""
        ...

    def gap(self) -> None:
        """Learn that events may have been lost."""
        ...


class Feed(Service):
    """Carries events within a process, or between many."""

    @property
    @abstractmethod
    def wanted(self) -> bool:
        """Whether anybody listens, here or elsewhere."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the ear hears right now what all processes announce; what it waits for is else looked up often."""

    @abstractmethod
    def publish(self, events: Sequence[TaskEvent]) -> None:
        """Tell of changes that were just committed; never blocks, never raises, and may forget."""

    @abstractmethod
    def attend(self, ear: Ear) -> None:
        """Begin to hear."""

    @abstractmethod
    def rest(self) -> None:
        """Hear no more: there is nobody to tell."""

    @override
    async def start(self) -> None:
        return
