"""Micro-batches: what waits goes together, everyone gets their own result, and no item sinks another."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.batcher import Batcher
from narad.errors import DataRejectedError, OverloadedError, StoreUnavailableError


class Ledger:
    """A flush that multiplies by ten, refuses some items, and waits while its gate is shut."""

    def __init__(self, *, refused: Sequence[int] = (), error: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.running = self.most_running = 0
        self._refused = set(refused)
        self._error = error

    async def flush(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.begun.set()
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        if self._error is not None:
            raise self._error
        if not self._refused.isdisjoint(items):
            raise DataRejectedError(f"{items} are refused")
        return [item * 10 for item in items]


def submitted(batcher: Batcher[int, int], items: Sequence[int]) -> list[asyncio.Task[int]]:
    """Tasks that submit one item each; they do so, in order, before any flush that waits goes on."""
    return [asyncio.create_task(batcher.submit(item)) for item in items]


async def test_a_lone_item_is_flushed_at_once() -> None:
    ledger = Ledger()
    ledger.gate.set()

    assert await Batcher(ledger.flush, capacity=10).submit(1) == 10
    assert ledger.batches == [[1]]


async def test_items_that_come_during_a_flush_go_together_in_the_next() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger.flush, capacity=10, in_flight=1)
    first = submitted(batcher, [1])
    await ledger.begun.wait()

    later = submitted(batcher, [2, 3, 4])
    ledger.gate.set()

    assert await asyncio.gather(*first, *later) == [10, 20, 30, 40]
    assert ledger.batches == [[1], [2, 3, 4]]


async def test_a_batch_holds_no_more_than_it_may_and_keeps_the_order() -> None:
    ledger = Ledger()
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=100, most_items=3, in_flight=1)

    results = await asyncio.gather(*submitted(batcher, range(10)))

    assert results == [item * 10 for item in range(10)]
    assert ledger.batches == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


@pytest.mark.parametrize("in_flight", [1, 2, 3])
async def test_no_more_flushes_run_at_a_time_than_allowed(in_flight: int) -> None:
    ledger = Ledger()
    batcher = Batcher(ledger.flush, capacity=100, most_items=1, in_flight=in_flight)

    tasks = submitted(batcher, range(10))
    await ledger.begun.wait()
    ledger.gate.set()
    await asyncio.gather(*tasks)

    assert ledger.most_running == in_flight


async def test_an_item_beyond_the_capacity_is_refused_and_harms_no_other() -> None:
    ledger = Ledger()
    batcher = Batcher(ledger.flush, capacity=2, in_flight=1)
    first = submitted(batcher, [1])
    await ledger.begun.wait()

    later = submitted(batcher, [2, 3, 4])
    ledger.gate.set()
    results = await asyncio.gather(*first, *later, return_exceptions=True)

    assert results[:3] == [10, 20, 30]
    assert isinstance(results[3], OverloadedError)
    assert ledger.batches == [[1], [2, 3]]


async def test_there_is_room_again_once_the_items_before_are_flushed() -> None:
    ledger = Ledger()
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=1)

    assert [await batcher.submit(item) for item in range(5)] == [0, 10, 20, 30, 40]


@given(
    st.lists(st.tuples(st.integers(0, 1_000), st.booleans()), max_size=30, unique_by=lambda pair: pair[0]),
    st.integers(1, 40),
    st.integers(1, 3),
)
async def test_a_refused_item_fails_alone_and_every_neighbour_succeeds(
    items: list[tuple[int, bool]], most_items: int, in_flight: int
) -> None:
    ledger = Ledger(refused=[item for item, refused in items if refused])
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=100, most_items=most_items, in_flight=in_flight)

    results = await asyncio.gather(*submitted(batcher, [item for item, _ in items]), return_exceptions=True)

    for (item, refused), result in zip(items, results, strict=True):
        assert isinstance(result, DataRejectedError) if refused else result == item * 10


async def test_a_culprit_is_found_by_halving() -> None:
    ledger = Ledger(refused=[3])
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=10, in_flight=1)

    await asyncio.gather(*submitted(batcher, range(4)), return_exceptions=True)

    assert ledger.batches == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), RuntimeError("a flaw")])
async def test_any_other_error_reaches_everyone_who_waits_and_is_not_tried_again(error: Exception) -> None:
    ledger = Ledger(error=error)
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=10, in_flight=1)

    results = await asyncio.gather(*submitted(batcher, [1, 2, 3]), return_exceptions=True)

    assert results == [error, error, error]
    assert ledger.batches == [[1, 2, 3]]


@pytest.mark.parametrize("results", [[], [10], [10, 20, 30, 40]])
async def test_a_flush_that_returns_too_few_or_too_many_results_fails_everyone_who_waits(results: list[int]) -> None:
    async def flush(_items: Sequence[int]) -> Sequence[int]:
        return results

    batcher = Batcher(flush, capacity=10, in_flight=1)

    async with asyncio.timeout(1):
        told = await asyncio.gather(*submitted(batcher, [1, 2, 3]), return_exceptions=True)

    assert [str(error) for error in told] == [f"A flush of 3 items returned {len(results)} results."] * 3


async def test_a_flush_that_is_cancelled_cancels_everyone_who_waits_and_the_next_item_is_flushed() -> None:
    cancelled = [True, False]

    async def flush(items: Sequence[int]) -> Sequence[int]:
        if cancelled.pop(0):
            raise asyncio.CancelledError
        return items

    batcher = Batcher(flush, capacity=10, in_flight=1)

    async with asyncio.timeout(1):
        told = await asyncio.gather(*submitted(batcher, [1, 2]), return_exceptions=True)
        assert [type(error) for error in told] == [asyncio.CancelledError] * 2
        assert await batcher.submit(3) == 3


async def test_after_an_error_the_next_item_is_flushed() -> None:
    ledger = Ledger(refused=[1])
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=10)

    with pytest.raises(DataRejectedError):
        await batcher.submit(1)

    assert await batcher.submit(2) == 20


@pytest.mark.parametrize("error", [None, StoreUnavailableError("away")])
async def test_whoever_stops_waiting_disturbs_no_other(error: Exception | None) -> None:
    ledger = Ledger(error=error)
    batcher = Batcher(ledger.flush, capacity=10, in_flight=1)
    flushing = submitted(batcher, [1, 2])
    await ledger.begun.wait()
    waiting = submitted(batcher, [3, 4])

    flushing[0].cancel()
    waiting[0].cancel()
    ledger.gate.set()
    results = await asyncio.gather(*flushing, *waiting, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert isinstance(results[2], asyncio.CancelledError)
    assert [results[1], results[3]] == ([20, 40] if error is None else [error, error])


@pytest.mark.parametrize("in_flight", [1, 2])
async def test_an_item_that_follows_right_upon_a_result_is_flushed_too(in_flight: int) -> None:
    # Whoever got a result runs before the flusher is taken off the list; here as many end at once as may be in flight.
    ledger = Ledger()
    ledger.gate.set()
    batcher = Batcher(ledger.flush, capacity=10, in_flight=in_flight)

    async def submit_two() -> list[int]:
        return [await batcher.submit(item) for item in (1, 2)]

    async with asyncio.timeout(1):
        two, *_ = await asyncio.gather(submit_two(), *submitted(batcher, range(3, 2 + in_flight)))

    assert two == [10, 20]
