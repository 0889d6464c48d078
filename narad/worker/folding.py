"""From what a handler did to an outcome: every return and every exception folds into one value."""

from collections.abc import Callable
from typing import TypeAlias

from narad.domain.outcome import Completed, Failed, Outcome, Snoozed
from narad.domain.task import TaskError
from narad.worker.context import Context
from narad.worker.handler import AnyHandler
from narad.worker.signals import Fatal, Retry, Snooze
from narad.worker.signature import PayloadError, ResultError
from narad.worker.words import message_of, traceback_of, type_of

Call: TypeAlias = Callable[[dict[str, object]], object]
"""Calls the function of a handler with its arguments."""

_LONGEST_SNOOZE_SECONDS = 366 * 86_400.0


def folded(handler: AnyHandler, payload: str, context: Context, call: Call, most_bytes: int) -> Outcome:
    """The outcome of calling the function of a handler, whatever it does."""
    try:
        arguments = handler.signature.bind(payload, context)
    except PayloadError as error:
        return refused(error)
    try:
        value = call(arguments)
    except BaseException as error:  # noqa: BLE001 - whatever it raises becomes an outcome, SystemExit too
        return raised(handler, error)
    return returned(handler, value, most_bytes)


def returned(handler: AnyHandler, value: object, most_bytes: int) -> Outcome:
    """The outcome of a handler that returned `value`."""
    if isinstance(value, Snooze):
        return raised(handler, value)
    try:
        return Completed(handler.signature.result(value, most_bytes))
    except ResultError as error:
        return Failed(error=TaskError(type="ResultError", message=message_of(error), retryable=False))


def raised(handler: AnyHandler, error: BaseException) -> Outcome:
    """The outcome of a handler that raised `error`."""
    try:
        return _steered(handler, error)
    except Exception:  # noqa: BLE001 - a signal made or changed in a way that we do not know says nothing more
        return unexpected(error)


def refused(error: PayloadError) -> Outcome:
    """The outcome of a payload that does not fit the handler: no further attempt would help."""
    return Failed(error=TaskError(type="PayloadError", message=message_of(error), retryable=False))


def unexpected(error: BaseException) -> Outcome:
    """The outcome of an attempt in which something failed that never should."""
    return Failed(error=_describe(error, retryable=True))


def _steered(handler: AnyHandler, error: BaseException) -> Outcome:
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


def _describe(error: BaseException, *, retryable: bool) -> TaskError:
    return TaskError(type=type_of(error), message=message_of(error), traceback=traceback_of(error), retryable=retryable)


def _within(seconds: float) -> float:
    return min(max(0.0, seconds), _LONGEST_SNOOZE_SECONDS)
