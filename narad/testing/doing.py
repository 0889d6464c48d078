"""Something that the service of a test does in its own thread, for tests with a loop and for tests without."""

import asyncio
from collections.abc import Awaitable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")


class Doing(Awaitable[T]):
    """Under way from the start: await it, or `wait()` for it."""

    def __init__(self, what: str, future: Future[T]) -> None:
        self.what = what
        self.heeded = False
        """Whether somebody asked how it ends."""
        self._future = future

    @override
    def __await__(self) -> Generator[Any, None, T]:
        self.heeded = True
        return asyncio.wrap_future(self._future).__await__()

    def wait(self) -> T:
        """Block until it has ended."""
        self.heeded = True
        return self._future.result()
