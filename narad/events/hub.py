"""The hub of an API process: every stream and every wait hangs on it, and it alone hears the feed.

Events are hints and may be lost. What somebody waits for by id is therefore looked up as well, in one statement for all
of it: now and then while the feed is complete, often while it is not. Nobody who waits holds a database connection.

While nobody listens the hub does not hear either, so that nobody has to make events for it. It goes on for a while
after the last one has gone: a client that comes back finds what it missed in the ring.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.event import Mark, TaskEvent
from narad.errors import OverloadedError, StoreUnavailableError
from narad.events.base import Feed
from narad.events.followed import Followed, Following
from narad.events.listener import Listener, Wanted
from narad.events.ring import Numbered, Ring
from narad.events.watch import Watch
from narad.service import Service

log = structlog.get_logger(__name__)

RING_SIZE = 2_000
QUEUE_SIZE = 1_000
"""Events that wait for one client; a slower one has to read its tasks again."""
LINGER_SECONDS = 60.0
"""How long the hub goes on hearing after the last client has gone."""
TICK_SECONDS = 1.0
"""Between two looks while the feed is not complete."""
LOOK_SECONDS = 5.0
"""Between two looks while it is."""
LOOK_SIZE = 1_000
"""Ids in one statement."""

Look = Callable[[Sequence[UUID]], Awaitable[Sequence[Mark]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    """How many streams and how many waits this process takes on."""

    streams: int
    waiters: int


class Hub(Service):
    """Spreads events over the streams and waits of this process."""

    def __init__(self, feed: Feed, look: Look, clock: Clock, limits: HubLimits) -> None:
        """`look` finds out where tasks stand."""
        super().__init__()
        self._feed = feed
        self._look = look
        self._clock = clock
        self._limits = limits
        self._ring = Ring(RING_SIZE)
        self._following = Following()
        self._listeners: set[Listener] = set()
        self._unbounded: set[Listener] = set()
        """Those listeners that name no tasks."""
        self._watches: set[Watch] = set()
        self._attending = asyncio.Event()
        self._left_at = 0.0
        self._look_now = asyncio.Event()
        self._drained = False

    @property
    def place(self) -> str:
        """The place of the latest event."""
        return self._ring.place

    @property
    def complete(self) -> bool:
        """Whether it hears right now what all processes announce."""
        return self._feed.complete

    @property
    def drained(self) -> bool:
        """Whether it has ended every stream and takes on no more."""
        return self._drained

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    @override
    async def start(self) -> None:
        self._spawn(self._watch_over())

    def drain(self) -> None:
        """End every stream and every wait, now, and take on no more."""
        self._drained = True
        for listener in self._listeners:
            listener.end()
        for watch in self._watches:
            watch.end()

    def open(self, wanted: Wanted, *, after: str | None = None) -> Listener:
        """Begin to listen, to be ended by `close`; goes on `after` an earlier place, where that is still known.

        Raises:
            OverloadedError: as many streams are open as may be, or this process is stopping.
        """
        if self._drained:
            raise OverloadedError("This process is stopping and opens no streams.")
        if len(self._listeners) >= self._limits.streams:
            raise OverloadedError(f"{self._limits.streams} streams are open already.")
        listener = Listener(wanted, QUEUE_SIZE)
        if after is not None:
            missed = self._ring.after(after) if self._attending.is_set() else None
            if missed is None:
                listener.lose()
            for numbered in missed or ():
                listener.put(numbered)
        self._listeners.add(listener)
        if wanted.ids:
            self._following.add_listener(listener)
        else:
            self._unbounded.add(listener)
        self._attend()
        return listener

    def close(self, listener: Listener) -> None:
        """Listen no more."""
        self._listeners.discard(listener)
        self._unbounded.discard(listener)
        self._following.remove_listener(listener)
        self._left()

    def watch(self, task_id: UUID, *, final_only: bool) -> Watch | None:
        """Begin to wait for a task, to be ended by `unwatch`; None where that cannot be taken on."""
        if self._drained or len(self._watches) >= self._limits.waiters:
            return None
        watch = Watch(task_id, final_only=final_only)
        self._watches.add(watch)
        self._following.add_watch(watch)
        self._attend()
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Wait no more."""
        self._watches.discard(watch)
        self._following.remove_watch(watch)
        self._left()

    def stands(self, mark: Mark) -> None:
        """Learn where a followed task stands, so that the next look tells what has happened since."""
        followed = self._following.get(mark.id)
        if followed is not None and not followed.heard:
            followed.stood, followed.version = (mark.status, mark.attempt), mark.version

    def hear(self, events: Sequence[TaskEvent]) -> None:
        """Spread events."""
        for event in events:
            numbered = self._ring.add(event)
            followed = self._following.get(event.id)
            if followed is not None:
                followed.hear(event)
                self._spread(numbered, followed.listeners)
            self._spread(numbered, self._unbounded)

    def gap(self) -> None:
        """Let every client read its tasks again, and look at what is waited for."""
        self._ring.restart()
        for listener in self._listeners:
            listener.lose()
        self._look_now.set()

    def _spread(self, numbered: Numbered, listeners: set[Listener]) -> None:
        for listener in listeners:
            listener.put(numbered)

    def _attend(self) -> None:
        if not self._attending.is_set():
            self._ring.restart()
            self._feed.attend(self)
            self._attending.set()

    def _left(self) -> None:
        self._left_at = self._clock.monotonic()

    async def _watch_over(self) -> None:
        looked_at = self._clock.monotonic()
        while True:
            await self._attending.wait()
            due = await self._tick()
            now = self._clock.monotonic()
            if self._following.ids() and (due or not self._feed.complete or now - looked_at >= LOOK_SECONDS):
                await self._look_around()
                looked_at = now
            if not self._listeners and not self._watches and now - self._left_at > LINGER_SECONDS:
                self._feed.rest()
                self._attending.clear()

    async def _tick(self) -> bool:
        """Wait for the time of the next look; whether it was asked for before."""
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await self._look_now.wait()
        except TimeoutError:
            return False
        self._look_now.clear()
        return True

    async def _look_around(self) -> None:
        ids = self._following.ids()
        for start in range(0, len(ids), LOOK_SIZE):
            before = [(task_id, self._following.get(task_id)) for task_id in ids[start : start + LOOK_SIZE]]
            heard = {task_id: (followed, followed.heard) for task_id, followed in before if followed is not None}
            try:
                marks = await self._look(list(heard))
            except StoreUnavailableError as error:
                log.warning("events.store_unavailable", reason=str(error))
                return
            for mark in marks:
                followed, count = heard[mark.id]
                if followed.heard == count:
                    self._see(followed, mark)

    def _see(self, followed: Followed, mark: Mark) -> None:
        complete = self._feed.complete
        event = followed.see(mark, self._clock.now(), progress_too=not complete)
        if event is None:
            return
        if not complete:
            self.hear([event])
            return
        # What tells of it is late or lost, and so may be what happened before it.
        for listener in followed.listeners:
            listener.lose()
