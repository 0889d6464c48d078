"""Readiness: looked up once for many, within a second, and never without the news that the process stops."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from narad.api.readiness import Readiness
from narad.clock import ManualClock
from narad.errors import StoreUnavailableError
from tests.support.tasks import NOW


class Schema:
    """A store that is asked what is wrong with its schema."""

    def __init__(self, answer: str | Exception | None = None) -> None:
        self.answer = answer
        self.asked = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self) -> str | None:
        self.asked += 1
        await self.go_on.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def readiness(
    schema: Schema, *, draining: Callable[[], bool] = lambda: False, clock: ManualClock | None = None
) -> Readiness:
    return Readiness(schema=schema, broker=None, is_draining=draining, clock=clock or ManualClock(NOW))


async def test_many_that_ask_at_once_are_one_question() -> None:
    schema, clock = Schema(), ManualClock(NOW)
    ready = readiness(schema, clock=clock)
    schema.go_on.clear()
    asking = [asyncio.create_task(ready.checks()) for _ in range(20)]
    await asyncio.sleep(0)
    schema.go_on.set()

    assert {tuple(found.items()) for found in await asyncio.gather(*asking)} == {
        (("store", "ok"), ("schema", "ok"), ("process", "ok"))
    }
    assert schema.asked == 1
    clock.advance(timedelta(seconds=0.9))
    await ready.checks()
    assert schema.asked == 1
    clock.advance(timedelta(seconds=0.2))
    await ready.checks()
    assert schema.asked == 2


async def test_an_old_schema_and_a_store_that_is_away_are_named() -> None:
    old = await readiness(Schema("at a, needs b")).checks()
    away = await readiness(Schema(StoreUnavailableError("no connection"))).checks()

    assert (old["store"], old["schema"]) == ("ok", "at a, needs b")
    assert away == {"store": "no connection", "process": "ok"}


async def test_a_store_that_does_not_answer_is_waited_for_a_second_at_most() -> None:
    schema = Schema()
    schema.go_on.clear()

    async with asyncio.timeout(5):
        found = await readiness(schema).checks()

    assert found["store"] == "no answer within 1 s"


async def test_the_end_of_the_process_is_told_at_once() -> None:
    draining = False
    ready = readiness(Schema(), draining=lambda: draining)
    assert (await ready.checks())["process"] == "ok"

    draining = True

    assert (await ready.checks())["process"] == "draining"


def test_a_broker_that_is_away_is_told_where_there_is_one() -> None:
    clock, schema = ManualClock(NOW), Schema()
    wrong: list[str | None] = [None]
    with_broker = Readiness(schema=schema, broker=lambda: wrong[0], is_draining=lambda: False, clock=clock)

    assert readiness(schema).others() == {}
    assert with_broker.others() == {"broker": "ok"}
    wrong[0] = "degraded: away"
    assert with_broker.others() == {"broker": "degraded: away"}
