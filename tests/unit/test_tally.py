"""The tally of a process: what it counts, and how much of it it keeps while the store is away."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from typing_extensions import override

from narad import tally as tally_module
from narad.clock import ManualClock
from narad.domain.histogram import bucket_of
from narad.domain.statistics import Key, Measure, Span
from narad.domain.status import Priority, Status
from narad.errors import StoreUnavailableError
from narad.store.database import Database, parse_url
from narad.store.statistics import Statistics
from narad.tally import Tally, TallyKeeper
from tests.support.tasks import new_task

NOON = datetime(2026, 3, 1, 12, 34, 56, 789, tzinfo=UTC)


def test_spans_start_where_people_expect() -> None:
    assert [span.start(NOON) for span in Span] == [
        datetime(2026, 3, 1, 12, 34, tzinfo=UTC),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
    ]


def test_a_tally_counts_by_handler_priority_and_measure_and_starts_anew_when_taken() -> None:
    tally = Tally()
    tally.created([new_task(handler="a"), new_task(handler="a"), new_task(handler="b", priority=Priority.HIGH)])
    for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        tally.finished("a", Priority.LOW, status)
    tally.timed("a", Priority.LOW, waited_seconds=-0.1, ran_seconds=2.0)

    assert tally.take() == {
        ("a", Priority.MEDIUM, Measure.CREATED, 0): 2,
        ("b", Priority.HIGH, Measure.CREATED, 0): 1,
        ("a", Priority.LOW, Measure.COMPLETED, 0): 1,
        ("a", Priority.LOW, Measure.FAILED, 0): 1,
        ("a", Priority.LOW, Measure.CANCELLED, 0): 1,
        ("a", Priority.LOW, Measure.WAIT, 0): 1,
        ("a", Priority.LOW, Measure.RUN, bucket_of(2.0)): 1,
    }
    assert tally.take() == {}


class Wayward(Statistics):
    """Refuses what it is given until it is told to take it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.away = True
        self.taken: dict[tuple[datetime, Key], int] = {}
        self.asked = asyncio.Event()

    @override
    async def add(self, counts: Mapping[tuple[datetime, Key], int]) -> None:
        self.asked.set()
        if self.away:
            raise StoreUnavailableError("away")
        self.taken.update(counts)


async def test_while_the_store_is_away_only_the_latest_counts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "MOST_KEPT", 3)
    clock, tally = ManualClock(NOON), Tally()
    statistics = Wayward(Database(parse_url("sqlite:///unused.db"), pool_size=1, timeout_seconds=1))
    keeper = TallyKeeper(tally, statistics, clock, pause_seconds=0.001)
    await keeper.start()
    for _ in range(5):
        clock.advance(timedelta(minutes=1))
        statistics.asked.clear()
        tally.finished("a", Priority.LOW, Status.FAILED)
        tally.finished("a", Priority.LOW, Status.FAILED)
        async with asyncio.timeout(5):
            await statistics.asked.wait()
    statistics.away = False

    await keeper.stop()

    assert len(statistics.taken) == 3
    assert set(statistics.taken.values()) == {2}
    assert not keeper.died.is_set()
