"""Duties: in one hand at a time, and in another once the first has left or gone silent."""

import asyncio
from datetime import timedelta

from narad.ids import new_id
from narad.store.store import Store
from tests.support.tasks import NOW, later

LEASE = timedelta(seconds=30)


async def test_a_duty_is_in_one_hand_until_its_time_is_over(store: Store) -> None:
    one, two = new_id(), new_id()

    assert await store.duties.take("survey", one, now=NOW, lease=LEASE)
    assert not await store.duties.take("survey", two, now=later(30), lease=LEASE)
    assert await store.duties.take("survey", one, now=later(30), lease=LEASE)
    assert not await store.duties.take("survey", two, now=later(59), lease=LEASE)
    assert await store.duties.take("survey", two, now=later(61), lease=LEASE)
    assert not await store.duties.take("survey", one, now=later(62), lease=LEASE)
    assert await store.duties.take("another", one, now=later(62), lease=LEASE)


async def test_a_duty_that_is_left_is_free_at_once_and_only_its_holder_leaves_it(store: Store) -> None:
    one, two = new_id(), new_id()
    await store.duties.take("survey", one, now=NOW, lease=LEASE)

    await store.duties.leave("survey", two)
    assert not await store.duties.take("survey", two, now=NOW, lease=LEASE)
    await store.duties.leave("survey", one)
    assert await store.duties.take("survey", two, now=NOW, lease=LEASE)


async def test_of_many_that_take_it_at_once_one_gets_it(store: Store) -> None:
    taken = await asyncio.gather(*(store.duties.take("survey", new_id(), now=NOW, lease=LEASE) for _ in range(8)))

    assert sorted(taken) == [False] * 7 + [True]
