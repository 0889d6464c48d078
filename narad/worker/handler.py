"""The handler: a function under a stable name, with what the service needs to know to run it."""

import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import update_wrapper
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from typing_extensions import override

from narad.domain.names import check_handler_name, check_queue_name
from narad.domain.status import Priority
from narad.domain.task import Json
from narad.worker.options import Backoff, Options, check_options
from narad.worker.signature import Signature, SignatureError

P = ParamSpec("P")
R = TypeVar("R")


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

    def read_result(self, value: Json) -> object:
        """What the function returned, out of the JSON that was stored of it.

        Raises:
            ResultError: the JSON does not fit the annotation.
        """
        return self.signature.read_result(value)

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
    priority: Priority | Literal["LOW", "MEDIUM", "HIGH"] | None = None,
    timeout: float | timedelta | None = None,
    expires_in: float | timedelta | None = None,
    max_attempts: int | None = None,
    backoff: Backoff | None = None,
    backoff_seconds: float | None = None,
    backoff_cap_seconds: float | None = None,
    jitter: bool | None = None,
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    isolation: Literal["process"] | None = None,
    redact: Sequence[str] = (),
    version: str | None = None,
) -> Callable[[Callable[P, R]], Handler[P, R]]:
    """Make a function the handler `name`.

    The payload of a task is the keyword arguments of the function, checked against its annotations; a parameter
    annotated `Context` gets the context of the attempt, one annotated `Annotated[T, Resource]` what a lifespan of the
    worker provides. What a task says itself wins over these options.

    Args:
        name: Stable public name, such as `images.thumbnail`.
        queue: The queue its tasks go to.
        priority: The priority of tasks that name none.
        timeout: Longest run of one attempt, in seconds or as a timedelta; None for no limit.
        expires_in: Longest wait for the first start, in seconds or as a timedelta; None for no limit.
        max_attempts: Failed attempts that a task is allowed, at least 1.
        backoff: How the wait grows with each failure: `exponential`, `linear` or `fixed`; or a function that returns
            the seconds, given the number of failures.
        backoff_seconds: Longest wait after the first failure.
        backoff_cap_seconds: Upper bound of that wait.
        jitter: Whether the wait is drawn between nothing and the longest; by default it is, but for a function.
        retry_on: Exceptions worth another attempt; any other fails the task at once.
        isolation: `process` runs each task in a process of its own, which a cancel or time limit really kills.
        redact: Places in the payload that no answer of the API shows, such as `password` or `card.number`.
        version: What people call this version of the handler; the catalogue shows it.

    Raises:
        SignatureError: the function cannot take its arguments by keyword, an annotation cannot be used, or it is a
            handler already.
        ValueError: the name, the queue, a number or another option is not valid.
    """
    options = Options(
        queue=queue,
        priority=None if priority is None else Priority(priority),
        timeout_seconds=_seconds(timeout),
        expires_in_seconds=_seconds(expires_in),
        max_attempts=max_attempts,
        backoff=backoff,
        backoff_seconds=backoff_seconds,
        backoff_cap_seconds=backoff_cap_seconds,
        jitter=jitter,
        retry_on=retry_on,
        isolation=isolation,
        redact=(redact,) if isinstance(redact, str) else tuple(redact),
        version=version,
    )
    check_options(name, options)
    return lambda function: Handler(name, function, options)


def _seconds(duration: float | timedelta | None) -> float | None:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def _refuse_handler(name: str, function: object) -> None:
    if isinstance(function, Handler):
        raise SignatureError(f"{function.place} is the handler {function.name} already and cannot be {name} too.")


AnyHandler = Handler[Any, Any]
"""A handler whose signature is known to its own `Signature` only."""
