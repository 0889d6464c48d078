"""The event loop of the process of isolated handlers, and what its lifespans hold between tasks.

Without lifespans each task has a loop of its own, and nothing of one is left to the next. With them there is one loop
for all, which stands still between tasks; what a task leaves running on it is cancelled.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from narad.worker.handler import AnyHandler
from narad.worker.loading import load_lifespans
from narad.worker.resources import Resources

T = TypeVar("T")


class Stage:
    """Runs `async def` handlers, and gives all of them their resources."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._resources: Resources | None = None
        self._prepared: set[str] = set()

    @property
    def holds(self) -> bool:
        """Whether there is something to be closed."""
        return self._runner is not None

    def prepare(self, module: str, limit_seconds: float) -> None:
        """Start the lifespans of a module, unless they have started.

        Raises:
            ConfigurationError: one of them fails.
        """
        if module in self._prepared:
            return
        lifespans = load_lifespans([module])[module]
        if lifespans:
            if self._runner is None:
                self._runner = asyncio.Runner()
            if self._resources is None:
                self._resources = Resources(limit_seconds=limit_seconds)
            self._runner.run(self._resources.open(lifespans))
        self._prepared.add(module)

    def given_to(self, handler: AnyHandler) -> dict[str, object]:
        """The arguments of a handler that are resources."""
        return {} if self._resources is None else self._resources.given_to(handler)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an `async def` handler to its end."""
        return asyncio.run(work) if self._runner is None else self._runner.run(_alone(work))

    def close(self) -> None:
        """End the lifespans."""
        if self._runner is not None and self._resources is not None:
            self._runner.run(self._resources.close())
            self._runner.close()


async def _alone(work: Coroutine[Any, Any, T]) -> T:
    """Do the work, and end what it leaves behind."""
    before = asyncio.all_tasks()
    try:
        return await work
    finally:
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
