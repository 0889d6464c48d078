"""What a worker process holds for its handlers from its start to its end, such as a pool of connections."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import update_wrapper
from types import NoneType
from typing import Annotated, Any, Generic, ParamSpec, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from typing_extensions import override

from narad.worker.words import message_of, type_of

P = ParamSpec("P")
R = TypeVar("R")

_ITERATORS = {AsyncIterator, AsyncGenerator, AsyncIterable}


class SignatureError(TypeError):
    """A function cannot be a handler, or a lifespan, as it is declared."""


class Resource:
    """Marks a parameter that gets what a lifespan provides: `pool: Annotated[Pool, Resource]`."""


class Lifespan(Generic[P, R]):
    """Makes one resource at the start of a worker process, and closes it at its end."""

    def __init__(self, function: Callable[P, AsyncIterator[R]]) -> None:
        """Read the annotations.

        Raises:
            SignatureError: the function is no async generator, does not say what it yields, or has a parameter that is
                no resource.
        """
        self.function = function
        if not inspect.isasyncgenfunction(function):
            raise SignatureError(f"{self.place}: a lifespan is an async def function that yields once.")
        try:
            hints = get_type_hints(function, include_extras=True)
        except Exception as error:
            raise SignatureError(f"{self.place}: {type_of(error)}: {message_of(error)}") from error
        self.provides = self._provided(hints.get("return"))
        """The type of what it yields; None where that is for no handler."""
        self.needs = self._needed(hints)
        """The types of its parameters, which other lifespans provide."""
        update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[R]:
        return asynccontextmanager(self.function)(*args, **kwargs)

    @override
    def __repr__(self) -> str:
        return f"<lifespan {self.place}>"

    @property
    def place(self) -> str:
        """Where the function is defined, for messages."""
        return f"{self.function.__module__}.{getattr(self.function, '__qualname__', self.function)}"

    def _provided(self, annotation: object) -> object:
        if get_origin(annotation) not in _ITERATORS:
            raise SignatureError(f"{self.place}: say what it yields, as in -> AsyncIterator[Pool].")
        kind = get_args(annotation)[0]
        return None if kind in {NoneType, None} else kind

    def _needed(self, hints: Mapping[str, Any]) -> Mapping[str, object]:
        needs = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            kind = resource_of(hints.get(name))
            if kind is not None:
                needs[name] = kind
            elif parameter.default is inspect.Parameter.empty:
                raise SignatureError(f"{self.place}: parameter {name!r} must be a resource, or have a default.")
        return needs


AnyLifespan: TypeAlias = Lifespan[Any, Any]
"""A lifespan whose types are known to itself only."""


def lifespan(function: Callable[P, AsyncIterator[R]]) -> Lifespan[P, R]:
    """Make an async generator function a lifespan: what comes before its one `yield` runs when a worker process starts,
    what comes after it when the process ends.

    Handlers, and other lifespans, get what it yields by a parameter annotated `Annotated[T, Resource]`, where `T` is
    what the lifespan says it yields: `-> AsyncIterator[T]`.

    Raises:
        SignatureError: the function is no such function.
    """
    return Lifespan(function)


def resource_of(annotation: object) -> object:
    """The type of a resource, where an annotation asks for one; else None."""
    if get_origin(annotation) is not Annotated:
        return None
    kind, *marks = get_args(annotation)
    return kind if any(mark is Resource or isinstance(mark, Resource) for mark in marks) else None


def name_of_type(kind: object) -> str:
    """What messages call a type."""
    return getattr(kind, "__qualname__", None) or str(kind)
