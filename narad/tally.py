"""The tally of this process: what happened to tasks since it was last written down, kept in memory.

Counting is a few additions in memory. Every few seconds, and at the end, the counts are added to those of all
other processes in the store, in one statement. A process that is killed takes the last seconds of its tally with it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.histogram import LAST_BUCKET, bucket_of
from narad.domain.statistics import Key, Measure, Span
from narad.domain.status import Priority, Status
from narad.domain.task import NewTask
from narad.errors import NaradError
from narad.service import Service
from narad.store.statistics import Statistics

log = structlog.get_logger(__name__)

MOST_KEPT = 20_000
"""Counts that are kept while the store is away, the latest ones."""
_LAST_SECONDS = 2.0
"""How long the end of the process waits for the last counts to be stored."""


class _Counts:
    """What was counted of one handler at one priority; plain attributes, since they are met for every task."""

    __slots__ = ("cancelled", "completed", "created", "failed", "runs", "waits")

    def __init__(self) -> None:
        self.created = self.completed = self.failed = self.cancelled = 0
        self.waits = [0] * (LAST_BUCKET + 1)
        self.runs = [0] * (LAST_BUCKET + 1)

    def by_measure(self) -> Iterator[tuple[Measure, int, int]]:
        """Measure, bucket and count of everything that was met."""
        yield Measure.CREATED, 0, self.created
        yield Measure.COMPLETED, 0, self.completed
        yield Measure.FAILED, 0, self.failed
        yield Measure.CANCELLED, 0, self.cancelled
        for measure, buckets in ((Measure.WAIT, self.waits), (Measure.RUN, self.runs)):
            for bucket, count in enumerate(buckets):
                yield measure, bucket, count


class Tally:
    """Counts since they were last taken, and since the process began."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, Priority], _Counts] = defaultdict(_Counts)
        self._taken: dict[Key, int] = {}

    def created(self, tasks: Iterable[NewTask]) -> None:
        """Count new tasks."""
        for task in tasks:
            self._counts[task.handler, task.priority].created += 1

    def finished(self, handler: str, priority: Priority, status: Status) -> None:
        """Count a task that has reached a final status."""
        counts = self._counts[handler, priority]
        if status is Status.COMPLETED:
            counts.completed += 1
        elif status is Status.FAILED:
            counts.failed += 1
        elif status is Status.CANCELLED:
            counts.cancelled += 1
        else:
            raise ValueError(status)

    def timed(self, handler: str, priority: Priority, *, waited_seconds: float, ran_seconds: float) -> None:
        """Count how long an attempt that has ended waited for its start, and how long it ran."""
        counts = self._counts[handler, priority]
        counts.waits[bucket_of(waited_seconds)] += 1
        counts.runs[bucket_of(ran_seconds)] += 1

    def take(self) -> Mapping[Key, int]:
        """The counts so far; from here on it counts anew."""
        taken = self._by_key()
        self._counts = defaultdict(_Counts)
        for key, count in taken.items():
            self._taken[key] = self._taken.get(key, 0) + count
        return taken

    def totals(self) -> Mapping[Key, int]:
        """All counts since the process began, those that were taken included."""
        totals = dict(self._taken)
        for key, count in self._by_key().items():
            totals[key] = totals.get(key, 0) + count
        return totals

    def _by_key(self) -> dict[Key, int]:
        return {
            (handler, priority, measure, bucket): count
            for (handler, priority), counts in self._counts.items()
            for measure, bucket, count in counts.by_measure()
            if count
        }


class TallyKeeper(Service):
    """Writes a tally down at a steady pace, and at the end."""

    def __init__(self, tally: Tally, statistics: Statistics, clock: Clock, *, pause_seconds: float) -> None:
        super().__init__()
        self._tally = tally
        self._statistics = statistics
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._kept: dict[tuple[datetime, Key], int] = {}
        self._enough = asyncio.Event()

    @override
    async def start(self) -> None:
        self._spawn(self._keep())

    @override
    async def stop(self) -> None:
        """Write down what is left, unless the store does not answer soon."""
        self._stopping = True
        self._enough.set()
        if self._loops:
            await asyncio.wait(self._loops, timeout=_LAST_SECONDS)
        await super().stop()

    async def _keep(self) -> None:
        is_last = False
        while not is_last:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_seconds):
                    await self._enough.wait()
            is_last = self._enough.is_set()
            await self._write()

    async def _write(self) -> None:
        """Write down what there is; what the store does not take now is kept, under its minute, for the next time."""
        minute = Span.MINUTE.start(self._clock.now())
        self._keep_for_next_time({(minute, key): count for key, count in self._tally.take().items()})
        if not self._kept:
            return
        written, self._kept = self._kept, {}
        try:
            await self._statistics.add(written)
        except NaradError as error:
            log.warning("statistics.not_stored", counts=len(written), reason=str(error))
            self._keep_for_next_time(written)

    def _keep_for_next_time(self, counts: Mapping[tuple[datetime, Key], int]) -> None:
        for key, count in counts.items():
            self._kept[key] = self._kept.get(key, 0) + count
        for key in list(self._kept)[: max(0, len(self._kept) - MOST_KEPT)]:
            del self._kept[key]
