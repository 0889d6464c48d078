"""A stream's end of the hub: the events that its client wants and has not got yet."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from uuid import UUID

from narad.domain.event import EventType, TaskEvent
from narad.domain.status import Status
from narad.events.ring import Numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events a client wants. Values of one field are alternatives, fields add up; an empty field asks nothing.

    With `within`, only events that are known to be of one of these handlers are for the client at all.
    """

    ids: frozenset[UUID] = frozenset()
    types: frozenset[EventType] = frozenset()
    statuses: frozenset[Status] = frozenset()
    within: frozenset[str] = frozenset()

    def includes(self, event: TaskEvent) -> bool:
        """Whether this event is wanted."""
        return (
            (not self.ids or event.id in self.ids)
            and (not self.types or event.type in self.types)
            and (not self.statuses or event.status in self.statuses)
            and (not self.within or event.handler in self.within)
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """What a listener got: `lost` says that events are missing before these; `ended` that none will follow."""

    lost: bool
    events: Sequence[Numbered]
    ended: bool


class Listener:
    """Holds a bounded number of events. Of progress and of log lines only the latest event of a task is held.

    A client that is too slow loses what it has not got yet, as a whole, and is told: one that reads its tasks again
    needs none of it.
    """

    def __init__(self, wanted: Wanted, capacity: int) -> None:
        self.wanted = wanted
        self._capacity = capacity
        self._events: dict[Hashable, Numbered] = {}
        self._lost = False
        self._ended = False
        self._news = asyncio.Event()

    def put(self, numbered: Numbered) -> None:
        """Take an event, where it is wanted."""
        event = numbered.event
        if not self.wanted.includes(event):
            return
        key: Hashable = numbered.number
        if event.type in {EventType.PROGRESS, EventType.LOG}:
            key = event.type, event.id
            self._events.pop(key, None)
        if len(self._events) >= self._capacity:
            self.lose()
            return
        self._events[key] = numbered
        self._news.set()

    def lose(self) -> None:
        """Forget everything: something is missing."""
        self._events.clear()
        self._lost = True
        self._news.set()

    def end(self) -> None:
        """Say that nothing will follow."""
        self._ended = True
        self._news.set()

    async def take(self, seconds: float) -> Taken:
        """Wait for news, at most so long, and take all there is."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return Taken(lost=False, events=(), ended=self._ended)
        self._news.clear()
        events, self._events = list(self._events.values()), {}
        lost, self._lost = self._lost, False
        return Taken(lost=lost, events=events, ended=self._ended)
