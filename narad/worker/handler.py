"""The handler: a function under a stable name, with what the service needs to know to run it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import update_wrapper
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from typing_extensions import override

from narad.domain.names import check_handler_name, check_queue_name
from narad.domain.task import JsonObject
from narad.worker.signature import Signature, SignatureError

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST_SECONDS = 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How tasks of a handler are run where they do not say themselves; None leaves it to the settings."""

    queue: str = "default"
    timeout_seconds: float | None = None
    max_attempts: int | None = None
    backoff_seconds: float | None = None
    backoff_cap_seconds: float | None = None
    retry_on: tuple[type[BaseException], ...] = field(default=(Exception,))
    isolation: Literal["process"] | None = None

    def as_json(self) -> JsonObject:
        """What the catalogue shows of them."""
        return {
            "timeout_seconds": self.timeout_seconds,
            "max_attempts": self.max_attempts,
            "backoff_seconds": self.backoff_seconds,
            "backoff_cap_seconds": self.backoff_cap_seconds,
            "isolation": self.isolation,
        }


class Handler(Generic[P, R]):
    """A function that does the work of tasks. Calling it calls the function: no service, no validation."""

    def __init__(self, name: str, function: Callable[P, R], options: Options) -> None:
        _refuse_handler(name, function)
        self.name = check_handler_name(name)
        self.function = function
        self.home = function.__module__
        """The module in which it can be found by its name: that of the function, or one that imports it."""
        self.options = options
        self.signature = Signature(function)
        self.is_async = inspect.iscoroutinefunction(function)
        check_queue_name(options.queue)
        # Attributes of the function are left alone: they could have the names of ours.
        update_wrapper(self, function, updated=())

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @override
    def __repr__(self) -> str:
        return f"<handler {self.name} in {self.place}>"

    @property
    def place(self) -> str:
        """Where the function is defined, for messages."""
        return f"{self.function.__module__}.{getattr(self.function, '__qualname__', self.function)}"

    @property
    def title(self) -> str | None:
        """The first line of the docstring."""
        lines = (inspect.getdoc(self.function) or "").splitlines()
        return lines[0].strip() if lines else None

    @property
    def description(self) -> str | None:
        """The docstring after its first line."""
        lines = (inspect.getdoc(self.function) or "").splitlines()
        return "\n".join(lines[1:]).strip() or None


def handler(
    name: str,
    *,
    queue: str = "default",
    timeout: float | timedelta | None = None,
    max_attempts: int | None = None,
    backoff_seconds: float | None = None,
    backoff_cap_seconds: float | None = None,
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    isolation: Literal["process"] | None = None,
) -> Callable[[Callable[P, R]], Handler[P, R]]:
    """Make a function the handler `name`.

    The payload of a task is the keyword arguments of the function, checked against its annotations; a parameter
    annotated `Context` gets the context of the attempt. What a task says itself wins over these options.

    Args:
        name: Stable public name, such as `images.thumbnail`.
        queue: The queue its tasks go to.
        timeout: Longest run of one attempt, in seconds or as a timedelta; None for no limit.
        max_attempts: Failed attempts that a task is allowed, at least 1.
        backoff_seconds: Longest wait after the first failure; it doubles with each further one.
        backoff_cap_seconds: Upper bound of that wait.
        retry_on: Exceptions worth another attempt; any other fails the task at once.
        isolation: `process` runs each task in a process of its own, which a cancel or time limit really kills.

    Raises:
        SignatureError: the function cannot take its arguments by keyword, an annotation cannot be used, or it is a
            handler already.
        ValueError: the name, the queue, a number or an exception is not valid.
    """
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    _check_seconds(name, timeout=seconds, backoff_seconds=backoff_seconds, backoff_cap_seconds=backoff_cap_seconds)
    _check_max_attempts(name, max_attempts)
    _check_exceptions(name, retry_on)
    options = Options(
        queue=queue,
        timeout_seconds=seconds,
        max_attempts=max_attempts,
        backoff_seconds=backoff_seconds,
        backoff_cap_seconds=backoff_cap_seconds,
        retry_on=retry_on,
        isolation=isolation,
    )
    return lambda function: Handler(name, function, options)


def _refuse_handler(name: str, function: object) -> None:
    if isinstance(function, Handler):
        raise SignatureError(f"{function.place} is the handler {function.name} already and cannot be {name} too.")


def _check_seconds(name: str, **durations: object) -> None:
    for what, number in durations.items():
        if number is None:
            continue
        if not isinstance(number, (int, float)) or not 0 < number <= _LONGEST_SECONDS:
            raise ValueError(
                f"handler {name!r}: {what} must be a number of seconds above 0 and up to {_LONGEST_SECONDS}, "
                f"not {number!r}"
            )


def _check_max_attempts(name: str, number: object) -> None:
    if number is not None and (not isinstance(number, int) or number < 1):
        raise ValueError(f"handler {name!r}: max_attempts must be a whole number from 1 on, not {number!r}")


def _check_exceptions(name: str, kinds: object) -> None:
    if not isinstance(kinds, tuple) or not all(
        isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds
    ):
        raise ValueError(f"handler {name!r}: retry_on must be a tuple of exception classes, not {kinds!r}")


AnyHandler = Handler[Any, Any]
"""A handler whose signature is known to its own `Signature` only."""
