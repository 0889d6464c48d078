"""One attempt while it runs: it ends by itself, or is asked to stop, for one reason."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from itertools import permutations
from typing import Any

import pytest

from narad.clock import ManualClock
from narad.domain.outcome import Completed, Outcome
from narad.worker.context import Context
from narad.worker.execution import Execution, StopReason
from tests.support.attempts import ATTEMPT, NOON

LONG = 5
SHORT = 0.001


def execution_of(work: Coroutine[Any, Any, Outcome], *, grace_seconds: float = LONG) -> Execution:
    context = Context(ATTEMPT, ManualClock(NOON), lambda _progress: None)
    return Execution(context, work, grace_seconds=grace_seconds)


async def forever() -> Outcome:
    await asyncio.Event().wait()
    return Completed(None)


class Deaf:
    """Work that swallows its first cancellation and goes on until it is released."""

    def __init__(self) -> None:
        self.release = asyncio.Event()

    async def work(self) -> Outcome:
        with contextlib.suppress(asyncio.CancelledError):
            await self.release.wait()
        await self.release.wait()
        return Completed("done after all")


@pytest.mark.parametrize("limit", [None, LONG])
async def test_work_that_ends_is_not_asked_to_stop(limit: float | None) -> None:
    async def work() -> Outcome:
        return Completed(7)

    execution = execution_of(work())

    assert await execution.wait(limit_seconds=limit)

    assert execution.work.result() == Completed(7)
    assert execution.reason is None
    assert not execution.context.cancelled


async def test_work_that_fails_has_ended_too() -> None:
    async def work() -> Outcome:
        raise ValueError("no")

    execution = execution_of(work())

    assert await execution.wait(limit_seconds=None)
    assert isinstance(execution.work.exception(), ValueError)
    assert execution.reason is None


@pytest.mark.parametrize("reason", StopReason)
async def test_work_that_is_asked_to_stop_is_cancelled_and_sees_why_not(reason: StopReason) -> None:
    execution = execution_of(forever())

    execution.stop(reason)
    ended = await execution.wait(limit_seconds=None)

    assert ended
    assert execution.work.cancelled()
    assert execution.context.cancelled
    assert execution.reason is reason


async def test_work_may_be_asked_to_stop_while_it_is_waited_for() -> None:
    execution = execution_of(forever())
    waiting = asyncio.create_task(execution.wait(limit_seconds=LONG))
    await asyncio.wait({waiting}, timeout=0)

    execution.stop(StopReason.DRAIN)

    assert await waiting
    assert execution.reason is StopReason.DRAIN


@pytest.mark.parametrize("reasons", list(permutations(StopReason, 2)))
async def test_the_first_reason_to_stop_wins(reasons: Sequence[StopReason]) -> None:
    first, second = reasons
    execution = execution_of(forever())

    execution.stop(first)
    execution.stop(second)
    await execution.wait(limit_seconds=SHORT)

    assert execution.reason is first


async def test_at_its_time_limit_work_is_asked_to_stop() -> None:
    execution = execution_of(forever())

    assert await execution.wait(limit_seconds=SHORT)

    assert execution.work.cancelled()
    assert execution.context.cancelled
    assert execution.reason is StopReason.TIMEOUT


async def test_work_may_use_its_grace_to_end_in_its_own_way() -> None:
    async def work() -> Outcome:
        try:
            await forever()
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
        return Completed("tidied up")

    execution = execution_of(work())

    assert await execution.wait(limit_seconds=SHORT)
    assert execution.work.result() == Completed("tidied up")


async def test_work_that_swallows_its_cancellation_is_told_to_have_not_ended() -> None:
    deaf = Deaf()
    execution = execution_of(deaf.work(), grace_seconds=SHORT)

    assert not await execution.wait(limit_seconds=SHORT)

    assert execution.reason is StopReason.TIMEOUT
    assert not execution.work.done()
    deaf.release.set()
    assert await execution.work == Completed("done after all")


async def test_a_stop_after_a_time_limit_does_not_change_the_reason() -> None:
    deaf = Deaf()
    execution = execution_of(deaf.work(), grace_seconds=SHORT)
    await execution.wait(limit_seconds=SHORT)

    execution.stop(StopReason.CANCEL)

    assert execution.reason is StopReason.TIMEOUT
    deaf.release.set()
    await execution.work


async def test_waiting_leaves_nothing_behind() -> None:
    async def work() -> Outcome:
        return Completed(None)

    execution = execution_of(work())

    await execution.wait(limit_seconds=None)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == {asyncio.current_task()}
