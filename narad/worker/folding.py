"""From what a handler did to an outcome: every return and every exception folds into one value."""

import traceback
from collections.abc import Callable

from narad.domain.outcome import Completed, Failed, Outcome, Snoozed
from narad.domain.task import TaskError
from narad.worker.handler import AnyHandler
from narad.worker.signals import Fatal, Retry, Snooze, TaskCancelled
from narad.worker.signature import PayloadError, ResultError

_LONGEST_TRACEBACK = 65_536
_LONGEST_MESSAGE = 10_000
_LONGEST_SNOOZE_SECONDS = 366 * 86_400.0


def folded(handler: AnyHandler, call: Callable[[], object], most_bytes: int) -> Outcome:
    """The outcome of calling a function, whatever it does."""
    try:
        value = call()
    except TaskCancelled:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises becomes an outcome
        return raised(handler, error)
    return returned(handler, value, most_bytes)


def returned(handler: AnyHandler, value: object, most_bytes: int) -> Outcome:
    """The outcome of a handler that returned `value`."""
    if isinstance(value, Snooze):
        return raised(handler, value)
    try:
        return Completed(handler.signature.result(value, most_bytes))
    except ResultError as error:
        return Failed(error=TaskError(type="ResultError", message=_storable(str(error)), retryable=False))


def raised(handler: AnyHandler, error: BaseException) -> Outcome:
    """The outcome of a handler that raised `error`."""
    match error:
        case Snooze():
            return Snoozed(_within(error.seconds))
        case Fatal():
            return Failed(error=_describe(error, retryable=False))
        case Retry():
            after = None if error.after is None else _within(error.after)
            return Failed(error=_describe(error, retryable=True), retry_after_seconds=after)
        case _:
            return Failed(error=_describe(error, retryable=isinstance(error, handler.options.retry_on)))


def refused(error: PayloadError) -> Outcome:
    """The outcome of a payload that does not fit the handler: no further attempt would help."""
    return Failed(error=TaskError(type="PayloadError", message=_storable(str(error)), retryable=False))


def timed_out(limit_seconds: float | None) -> Outcome:
    """The outcome of an attempt that reached its time limit."""
    return Failed(
        error=TaskError(type="Timeout", message=f"The attempt ran longer than its limit of {limit_seconds} s.")
    )


def _describe(error: BaseException, *, retryable: bool) -> TaskError:
    text = "".join(traceback.format_exception(error))
    return TaskError(
        type=type(error).__name__,
        message=_storable(str(error))[:_LONGEST_MESSAGE],
        traceback=_storable(text)[-_LONGEST_TRACEBACK:],
        retryable=retryable,
    )


def _storable(text: str) -> str:
    """The text as any database can keep it."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def _within(seconds: float) -> float:
    return min(max(0.0, seconds), _LONGEST_SNOOZE_SECONDS)
