"""What the client needs of a handler: its name, and how its results become Python values.

`narad.Handler` is one, and so is any object with these attributes: the client imports nothing of the worker for it.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from narad.client.words import Json

R_co = TypeVar("R_co", covariant=True)

Reader: TypeAlias = Callable[[Json], object]
"""Makes of a result, as JSON, what the handler returned."""


class HandlerLike(Protocol[R_co]):
    """A function that does the work of tasks, under a stable name; an `async def` returns a coroutine of its result."""

    @property
    def name(self) -> str:
        """The name of the handler."""

    @property
    def function(self) -> Callable[..., R_co]:
        """The function itself; only its types are looked at."""

    def read_result(self, value: Json) -> object:
        """What the function returned, out of the JSON that was stored of it."""


def as_is(value: Json) -> Json:
    """The result of a handler that is known by its name alone."""
    return value


def name_of(handler: HandlerLike[object] | str) -> str:
    """The name of a handler."""
    return handler if isinstance(handler, str) else handler.name


def reader_of(handler: HandlerLike[object] | str | None) -> Reader:
    """How the results of a handler are read."""
    return as_is if handler is None or isinstance(handler, str) else handler.read_result
