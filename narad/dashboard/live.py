"""Live pages: signals that something changed, never what. The page then asks for its own part again.

All lists of this process share one listener at the hub, which is asked once a second; a page of one task has its own.
So a thousand tasks a second cost a page one signal, and rights and filters stay in one place: the page itself.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog
from typing_extensions import override

from narad.domain.event import EventType
from narad.errors import OverloadedError
from narad.events.hub import Hub
from narad.events.listener import Listener, Taken, Wanted
from narad.service import Service

log = structlog.get_logger(__name__)

TOGETHER_SECONDS = 1.0
"""What changes within this time is one signal."""
TASK_SECONDS = 0.25
PING_SECONDS = 15.0
WORKERS_SECONDS = 5.0
"""Workers are looked at so often, for their beats are no events."""
POLL_SECONDS: Final = {True: 15, False: 5}
"""How often a page asks unasked, while all events are heard and while they are not."""
RETRY_MILLISECONDS = 500


class Topic(StrEnum):
    """What may have changed; the word is the name of the event in the page."""

    TASK = "task.changed"
    TASKS = "tasks.changed"
    QUEUES = "queues.changed"
    WORKERS = "workers.changed"
    RESYNC = "resync"
    """Something is missing: ask for everything."""


_RUNS = frozenset({Topic.TASKS, Topic.QUEUES, Topic.WORKERS})
TOPICS: Mapping[EventType, frozenset[Topic]] = {
    EventType.CREATED: frozenset({Topic.TASKS, Topic.QUEUES}),
    EventType.PENDING: frozenset({Topic.TASKS, Topic.QUEUES}),
    EventType.STARTED: _RUNS,
    EventType.PROGRESS: frozenset({Topic.TASKS, Topic.WORKERS}),
    EventType.LOG: frozenset(),
    EventType.COMPLETED: _RUNS,
    EventType.FAILED: _RUNS,
    EventType.CANCEL_REQUESTED: frozenset({Topic.TASKS}),
    EventType.CANCELLED: _RUNS,
    EventType.RETRIED: frozenset({Topic.TASKS, Topic.QUEUES}),
    EventType.AMENDED: frozenset({Topic.TASKS, Topic.QUEUES}),
}


class Reader:
    """An open page with lists: what it has not been told yet."""

    def __init__(self) -> None:
        self._topics: set[Topic] = set()
        self._ended = False
        self._news = asyncio.Event()

    def tell(self, topics: frozenset[Topic], *, ended: bool = False) -> None:
        """Add to what it has to be told."""
        self._topics |= topics
        self._ended = self._ended or ended
        if topics or ended:
            self._news.set()

    async def take(self, seconds: float) -> tuple[frozenset[Topic], bool]:
        """Wait for news, at most so long; what there is, and whether nothing will follow."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return frozenset(), self._ended
        self._news.clear()
        topics, self._topics = frozenset(self._topics), set()
        return topics, self._ended


class Live(Service):
    """Tells the open pages of this process that something changed."""

    def __init__(self, hub: Hub, *, most: int, seconds: float) -> None:
        """At most so many pages are open at once; a stream ends after `seconds`, to be opened anew."""
        super().__init__()
        self._hub = hub
        self._most = most
        self._seconds = seconds
        self._readers: set[Reader] = set()
        self._somebody = asyncio.Event()
        self._since = ""
        """Where the stream was when the first of those readers came: they are told what happened after it."""

    @property
    def place(self) -> str:
        """Where a page that is drawn now stands in the stream."""
        return self._hub.place

    @property
    def poll_seconds(self) -> int:
        """How often a page asks unasked."""
        return POLL_SECONDS[self._hub.complete]

    @override
    async def start(self) -> None:
        self._spawn(self._spread())

    def open(self, after: str | None) -> Reader:
        """Begin to read, to be ended by `close`; what happened `after` a place is told at once.

        Raises:
            OverloadedError: as many pages are open as may be, or this process is stopping.
        """
        if self._hub.drained or len(self._readers) >= self._most:
            raise OverloadedError("This process opens no more live pages.")
        reader = Reader()
        if after != self._hub.place:
            reader.tell(frozenset({Topic.RESYNC}))
        if not self._readers:
            self._since = self._hub.place
        self._readers.add(reader)
        self._somebody.set()
        return reader

    def close(self, reader: Reader) -> None:
        """Read no more."""
        self._readers.discard(reader)
        if not self._readers:
            self._somebody.clear()

    def open_task(self, task_id: UUID, after: str | None) -> Listener:
        """Begin to listen to one task, to be ended by `close_task`.

        Raises:
            OverloadedError: as many streams are open as may be, or this process is stopping.
        """
        return self._hub.open(Wanted(ids=frozenset({task_id})), after=after or "")

    def close_task(self, listener: Listener) -> None:
        """Listen no more."""
        self._hub.close(listener)

    async def lists(self, reader: Reader) -> AsyncIterator[bytes]:
        """The frames of a page with lists."""
        yield self._greeting()
        pace, end_at = self.poll_seconds, _now() + self._seconds
        while _now() < end_at:
            topics, ended = await reader.take(PING_SECONDS)
            if self.poll_seconds != pace:
                pace = self.poll_seconds
                yield _pace(pace)
            yield b"".join(self._frame(topic) for topic in sorted(topics)) or b": ping\n\n"
            if ended:
                break
        yield _come_back()

    async def task(self, listener: Listener) -> AsyncIterator[bytes]:
        """The frames of the page of one task, at most four a second."""
        yield self._greeting()
        end_at = _now() + self._seconds
        while _now() < end_at:
            taken = await listener.take(PING_SECONDS)
            yield self._frame(Topic.TASK) if taken.events or taken.lost else b": ping\n\n"
            if taken.ended:
                break
            await asyncio.sleep(TASK_SECONDS)
        yield _come_back()

    async def _spread(self) -> None:
        """One listener for all pages, there while there are some."""
        while True:
            await self._somebody.wait()
            try:
                listener = self._hub.open(Wanted(), after=self._since)
            except OverloadedError as error:
                if self._hub.drained:
                    await self._end()
                log.warning("dashboard.not_live", reason=str(error))
                await asyncio.sleep(TOGETHER_SECONDS)
                continue
            try:
                await self._listen(listener)
            finally:
                self._hub.close(listener)

    async def _listen(self, listener: Listener) -> None:
        beat_at = _now() + WORKERS_SECONDS
        while self._readers:
            taken = await listener.take(max(beat_at - _now(), TASK_SECONDS))
            topics = _topics(taken)
            if _now() >= beat_at:
                topics |= {Topic.WORKERS}
                beat_at = _now() + WORKERS_SECONDS
            if taken.ended:
                await self._end()
            for reader in self._readers:
                reader.tell(topics)
            await asyncio.sleep(TOGETHER_SECONDS)

    async def _end(self) -> None:
        """The process is stopping: let every page go, and wait to be stopped too."""
        for reader in self._readers:
            reader.tell(frozenset(), ended=True)
        await asyncio.Event().wait()

    def _greeting(self) -> bytes:
        return f"retry: {RETRY_MILLISECONDS}\n".encode() + _pace(self.poll_seconds)

    def _frame(self, topic: Topic) -> bytes:
        return f"event: {topic}\nid: {self.place}\ndata: {{}}\n\n".encode()


def _topics(taken: Taken) -> frozenset[Topic]:
    if taken.lost:
        return frozenset({Topic.RESYNC})
    return frozenset().union(*(TOPICS[numbered.event.type] for numbered in taken.events))


def _pace(seconds: int) -> bytes:
    return f"event: pace\ndata: {seconds}\n\n".encode()


def _come_back() -> bytes:
    return b"event: pause\ndata: {}\n\n"


def _now() -> float:
    return asyncio.get_running_loop().time()
