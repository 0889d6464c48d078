"""Where an attempt asks for something and waits for the answer, from a coroutine or from a thread."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID

from typing_extensions import override

from narad.domain.follow_up import Request

if TYPE_CHECKING:
    from narad.worker.context import Context

T = TypeVar("T")


class Answer(Awaitable[T], Generic[T]):
    """What was asked for: `async def` handlers await it; for `def` handlers it is there when the call returns."""

    def __init__(self, future: "asyncio.Future[T] | Future[T]") -> None:
        self._future = future

    def result(self) -> T:
        """The answer, in a `def` handler."""
        return self._future.result()

    @override
    def __await__(self) -> Generator[Any, None, T]:
        if isinstance(self._future, Future):
            return asyncio.wrap_future(self._future).__await__()
        return self._future.__await__()


class Desk(Protocol):
    """Takes what attempts ask for."""

    def ask(self, context: "Context", request: Request) -> Answer[UUID | None]:
        """Ask, from any thread. The answer to a spawn is the id of the follow-up, to a save None."""
        ...


def ask_on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> Answer[T]:
    """Have a loop do the work. A thread that runs no loop of its own waits until it is done.

    Work that nobody waits for is done all the same.
    """
    running = _running_loop()
    if running is loop:
        return Answer(loop.create_task(work))
    future = asyncio.run_coroutine_threadsafe(work, loop)
    return waited_for(future, blocks=running is None)


def waited_for(future: "Future[T]", *, blocks: bool) -> Answer[T]:
    """The answer of a future of another thread; with `blocks`, once it is there."""
    if blocks:
        future.result()
    return Answer(future)


def runs_a_loop() -> bool:
    """Whether this thread runs an event loop, which must not be held up."""
    return _running_loop() is not None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
