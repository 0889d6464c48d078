"""The thread that sees when the loop stands still."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from narad import handler
from narad.worker.loop_watch import LoopWatch

LIMIT_SECONDS = 0.1


@handler("t.block")
async def block(seconds: float) -> None:
    _dawdle(seconds)


def _dawdle(seconds: float) -> None:
    time.sleep(seconds)


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    structlog.reset_defaults()
    with capture_logs() as events:
        yield events


async def test_a_handler_that_blocks_the_loop_is_named_with_where_it_is_and_how_long(logged: list[EventDict]) -> None:
    watch = LoopWatch([block], limit_seconds=LIMIT_SECONDS)
    watch.start()
    await asyncio.sleep(LIMIT_SECONDS)

    await block(LIMIT_SECONDS * 6)
    await asyncio.to_thread(watch.stop)

    events = [event for event in logged if event["event"].startswith("worker.loop_")]
    assert [event["event"] for event in events] == ["worker.loop_blocked", "worker.loop_freed"]
    assert {event["handler"] for event in events} == {"t.block"}
    assert {event["at"].endswith("in _dawdle") for event in events} == {True}
    assert events[1]["seconds"] >= LIMIT_SECONDS


async def test_who_else_blocks_the_loop_is_told_by_the_place_alone(logged: list[EventDict]) -> None:
    watch = LoopWatch([], limit_seconds=LIMIT_SECONDS)
    watch.start()
    await asyncio.sleep(LIMIT_SECONDS)

    _dawdle(LIMIT_SECONDS * 6)
    await asyncio.to_thread(watch.stop)

    assert logged[0]["handler"] is None
    assert "in _dawdle" in logged[0]["at"]


async def test_a_loop_that_goes_on_is_no_matter(logged: list[EventDict]) -> None:
    watch = LoopWatch([block], limit_seconds=LIMIT_SECONDS * 20)
    watch.start()

    for _ in range(20):
        await asyncio.sleep(LIMIT_SECONDS / 20)
    watch.stop()

    assert logged == []


async def test_it_may_be_stopped_before_it_is_started() -> None:
    LoopWatch([block], limit_seconds=1).stop()
