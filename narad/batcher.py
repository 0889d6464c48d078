"""Micro-batches that flush when idle: no timer, one round trip for all that waits.

While no flush is under way an item is flushed at once; while one is, items gather for the next. So a lone item waits
for nothing, and under load the cost of a commit is shared. Whoever submits an item waits for the commit that covers it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, cast

from narad.errors import DataRejectedError, OverloadedError

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_ITEMS = 500
IN_FLIGHT = 2


class Batcher(Generic[Item, Result]):
    """Gathers items and hands them, many at a time, to `flush`, which returns one result for each, in order.

    A batch that the store refuses for its data is halved until the culprit is alone: it never sinks its neighbours.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        capacity: int,
        most_items: int = MOST_ITEMS,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._flush = flush
        self._capacity = capacity
        self._most_items = most_items
        self._in_flight = in_flight
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._flushers: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Put an item into the next batch and wait for its result.

        Raises:
            OverloadedError: as many items wait as there is room for.
            DataRejectedError: the store refuses this very item.
            StoreUnavailableError: the store is away; whether the item was written is not known.
        """
        if len(self._waiting) >= self._capacity:
            message = f"{self._capacity} items wait for the store already."
            raise OverloadedError(message)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._flushers) < self._in_flight:
            self._flushers.add(asyncio.create_task(self._drain()))
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), self._most_items)
                await self._settle([self._waiting.popleft() for _ in range(size)])
        finally:
            # In the same step that finds nothing waiting: an item submitted after it must start a flusher of its own.
            self._flushers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _settle(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except DataRejectedError as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            half = len(batch) // 2
            await self._settle(batch[:half])
            await self._settle(batch[half:])
        except Exception as error:  # noqa: BLE001 - whoever waits for an item gets it
            _fail(batch, error)
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        else:
            _tell(batch, results)


def _tell(batch: Sequence[tuple[Item, asyncio.Future[Result]]], results: Sequence[Result]) -> None:
    if len(results) != len(batch):
        # Which result belongs to whom cannot be told.
        _fail(batch, RuntimeError(f"A flush of {len(batch)} items returned {len(results)} results."))
        return
    for (_, future), result in zip(batch, results, strict=True):
        if not future.done():
            future.set_result(result)


def _fail(batch: Sequence[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
