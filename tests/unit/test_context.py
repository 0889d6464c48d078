"""What a handler is told of its attempt, and what it can say while it runs."""

import asyncio
import math
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import SupportsFloat

import pytest

from narad.clock import ManualClock
from narad.domain.status import Priority
from narad.domain.storable import NotStorableError
from narad.domain.task import Progress
from narad.worker.context import Context
from narad.worker.signals import TaskCancelled
from tests.support.attempts import ATTEMPT, NOON


@pytest.fixture
def notes() -> list[Progress]:
    """What a handler said of its progress."""
    return []


@pytest.fixture
def context(notes: list[Progress]) -> Context:
    return Context(ATTEMPT, ManualClock(NOON), notes.append)


def test_a_context_tells_of_its_task() -> None:
    task = ATTEMPT._replace(attempt=4, failures=2, max_attempts=5, priority=Priority.HIGH, tags=("a", "b"))

    context = Context(task, ManualClock(NOON), list[Progress]().append)

    assert context.task_id == task.id
    assert (context.attempt, context.failures, context.max_attempts) == (4, 2, 5)
    assert (context.priority, context.tags) == (Priority.HIGH, ("a", "b"))


def test_the_idempotency_token_is_the_same_in_every_attempt() -> None:
    tokens = {
        Context(ATTEMPT._replace(attempt=attempt), ManualClock(NOON), list[Progress]().append).idempotency_token
        for attempt in (1, 2, 3)
    }

    assert tokens == {str(ATTEMPT.id)}


def test_the_remaining_time_shrinks_to_nothing_and_never_below() -> None:
    clock = ManualClock(NOON)
    context = Context(ATTEMPT._replace(deadline_at=NOON + timedelta(seconds=90)), clock, list[Progress]().append)

    remaining = []
    for _ in range(3):
        remaining.append(context.remaining())
        clock.advance(timedelta(minutes=1))

    assert context.deadline == NOON + timedelta(seconds=90)
    assert remaining == [90, 30, 0]


def test_without_a_limit_there_is_no_deadline(context: Context) -> None:
    assert context.deadline is None
    assert context.remaining() is None


def test_a_handler_that_is_asked_to_stop_sees_it(context: Context) -> None:
    context.raise_if_cancelled()
    before = context.cancelled

    context.cancel()

    assert (before, context.cancelled) == (False, True)
    with pytest.raises(TaskCancelled):
        context.raise_if_cancelled()


async def test_a_thread_sees_that_it_is_asked_to_stop(context: Context) -> None:
    context.cancel()

    with pytest.raises(TaskCancelled):
        await asyncio.to_thread(context.raise_if_cancelled)


@pytest.mark.parametrize("value", [0, 1, 0.5, True, Decimal("0.5"), Fraction(1, 2)])
async def test_progress_from_0_to_1_is_noted_as_a_plain_number_whatever_kind_it_is_given_in(
    value: SupportsFloat, context: Context, notes: list[Progress]
) -> None:
    await context.progress(value, "so far")

    assert notes == [Progress(value=float(value), message="so far")]
    assert type(notes[0].value) is float


def test_progress_need_not_be_awaited(context: Context, notes: list[Progress]) -> None:
    context.progress(0.5)

    assert notes == [Progress(value=0.5)]


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf, 50, Decimal("nan")])
def test_progress_outside_0_to_1_is_refused_and_changes_nothing(
    value: SupportsFloat, context: Context, notes: list[Progress]
) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        context.progress(value)

    assert notes == []


@pytest.mark.parametrize("value", [None, "half", [0.5], 1j, 10**400])
def test_progress_that_is_no_number_is_refused_saying_so(value: object, context: Context) -> None:
    with pytest.raises(ValueError, match=f"must be a number between 0 and 1, not a {type(value).__name__}"):
        context.progress(value)  # type: ignore[arg-type]  # a mistake that users make


@pytest.mark.parametrize("message", ["a\x00", "\ud800"])
def test_a_message_that_cannot_be_stored_is_refused(message: str, context: Context, notes: list[Progress]) -> None:
    with pytest.raises(NotStorableError):
        context.progress(0.5, message)

    assert notes == []


def test_a_long_message_is_cut(context: Context, notes: list[Progress]) -> None:
    context.progress(0.5, "x" * 10_000)

    assert notes == [Progress(value=0.5, message="x" * 500)]


def test_a_client_is_asked_for_where_it_works_or_the_error_names_the_other(context: Context) -> None:
    async def on_a_loop() -> None:
        assert context.http is context.http
        with pytest.raises(RuntimeError, match=r"awaits ctx\.http"):
            _ = context.http_sync
        await context.outbound.close()

    with pytest.raises(RuntimeError, match=r"calls ctx\.http_sync"):
        _ = context.http
    asyncio.run(on_a_loop())
    assert context.http_sync is context.http_sync
    asyncio.run(context.outbound.close())
