"""Going through items while the task tells how far it is, and stops where it should."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
Report = Callable[[float], object]
Check = Callable[[], None]

_STEPS = 1_000
"""Reports in all: a report costs little, but not nothing, and nobody sees less than a thousandth."""


class _Meter:
    """Reports the part of the items that is done, whenever another thousandth is."""

    def __init__(self, total: int | None, report: Report) -> None:
        self._total = total
        self._report = report
        self._done = 0
        self._told = 0

    def step(self) -> None:
        """Another item is done."""
        self._done += 1
        if not self._total:
            return
        step = min(self._done, self._total) * _STEPS // self._total
        if step > self._told:
            self._told = step
            self._report(step / _STEPS)


def tracked(items: Iterable[T], total: int | None, report: Report, check: Check) -> Iterator[T]:
    """The items, with a look before each whether to stop and a report after it."""
    meter = _Meter(total if total is not None or not isinstance(items, Sized) else len(items), report)
    for item in items:
        check()
        yield item
        meter.step()


async def tracked_async(items: AsyncIterable[T], total: int | None, report: Report, check: Check) -> AsyncIterator[T]:
    """The same for items that have to be waited for."""
    meter = _Meter(total, report)
    async for item in items:
        check()
        yield item
        meter.step()
