"""Counts of all tasks, or of all that match, and failures: read seldom where they are dear, however many pages ask."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from narad.api.caller import Caller
from narad.api.services import Services
from narad.api.task_page import TaskPage, TotalView, count_matching
from narad.api.task_query import FILTERS, TaskQuery
from narad.clock import Clock
from narad.domain.failures import Failure
from narad.errors import QueryTooSlowError
from narad.store.statistics import StatusCounts

V = TypeVar("V")

SHORTEST_SECONDS: Final = 0.25
"""Less than signals are apart: what follows one is counted after it, and once for all parts of a page."""
LONGEST_SECONDS: Final = 30.0
SHARE: Final = 20
"""An answer is kept this many times as long as it took: counting takes the database a twentieth of the time at most."""
MOST: Final = 1_000
ROWS: Final = 20_000
"""How many tasks are searched for a page at most, and for a count."""


@dataclass(slots=True)
class _Entry(Generic[V]):
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    answers: list[V] = field(default_factory=list)
    until: float = 0.0


class Kept(Generic[V]):
    """Answers by what was asked, each kept the longer, the longer it took; a question is asked once at a time."""

    def __init__(self, clock: Clock, *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer that is kept, or a new one."""
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
        async with entry.lock:
            began = self._clock.monotonic()
            if not entry.answers or began >= entry.until:
                entry.answers = [await ask()]
                now = self._clock.monotonic()
                entry.until = now + min(LONGEST_SECONDS, max(SHORTEST_SECONDS, SHARE * (now - began)))
            return entry.answers[0]


class Counts:
    """The counts of one process. A page waits for one no longer than a request may, its turn to ask included."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._statuses: Kept[StatusCounts] = Kept(services.clock)
        self._totals: Kept[TotalView | None] = Kept(services.clock)
        self._failures: Kept[Sequence[Failure]] = Kept(services.clock)

    async def statuses(self) -> StatusCounts:
        """How many tasks have each status."""
        services = self._services
        return await services.promptly(self._statuses.get(None, services.store.statistics.status_counts))

    async def failures(self) -> Sequence[Failure]:
        """The failed tasks that were created last, of all handlers."""
        services = self._services
        return await services.promptly(self._failures.get(None, services.store.failures.newest))

    async def total(self, query: TaskQuery, page: TaskPage, caller: Caller) -> TotalView | None:
        """How many tasks match, of which this is a page; None where to count them would take too long."""
        shown = len(page.items)
        if query.cursor is None and (shown < query.limit or not page.has_more):
            return TotalView(value=shown, relation="gte" if page.has_more else "eq")
        key = (query.model_dump_json(include=set(FILTERS)), tuple(sorted(caller.handlers)))
        services = self._services
        total = await services.promptly(self._totals.get(key, lambda: self._ask_total(query, caller)))
        return total and TotalView(value=max(total.value, shown), relation=total.relation)

    async def _ask_total(self, query: TaskQuery, caller: Caller) -> TotalView | None:
        try:
            return await count_matching(query, self._services, caller, rows=ROWS)
        except QueryTooSlowError:
            return None
