"""Every process shows the time of the database, whatever its own clock says."""

from datetime import UTC, datetime, timedelta

from narad.clock import FollowingClock
from narad.store.store import Store
from narad.timekeeper import Timekeeper


async def test_the_clock_of_a_process_follows_the_database(store: Store) -> None:
    clock = FollowingClock()
    clock.follow(timedelta(days=3))
    timekeeper = Timekeeper(store.database, clock)

    await timekeeper.set_clock()

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)


async def test_on_one_host_there_is_one_clock(store: Store) -> None:
    assert await store.database.clock_offset() == timedelta(0)
