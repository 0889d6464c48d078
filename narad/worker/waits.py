"""When to try again after a failure: what the options of a handler say, and the settings where they say nothing."""

import math
from collections.abc import Callable

import structlog

from narad.domain.retry import RetryPolicy
from narad.worker.options import LONGEST_SECONDS, Options

log = structlog.get_logger(__name__)


def policy_of(options: Options, usual: RetryPolicy) -> RetryPolicy:
    """The policy of a handler with these options."""
    base = options.backoff_seconds or usual.base_seconds
    if callable(options.backoff):
        # What the function says is what is meant, unless it is asked to be spread.
        cap = options.backoff_cap_seconds or float(LONGEST_SECONDS)
        wait = _guarded(options.backoff, base)
        return RetryPolicy(base_seconds=base, cap_seconds=cap, jitter=bool(options.jitter), wait=wait)
    return RetryPolicy(
        base_seconds=base,
        cap_seconds=options.backoff_cap_seconds or usual.cap_seconds,
        jitter=usual.jitter if options.jitter is None else options.jitter,
        shape=options.backoff or "exponential",
    )


def _guarded(backoff: Callable[[int], float], otherwise: float) -> Callable[[int], float]:
    """The function, unable to do harm: it is the code of a user, and the outcome of an attempt waits for it."""

    def wait(failures: int) -> float:
        try:
            seconds = float(backoff(failures))
        except Exception as error:  # noqa: BLE001 - whatever it is, the task goes on
            log.warning("handler.backoff_failed", reason=repr(error), failures=failures, instead_seconds=otherwise)
            return otherwise
        if math.isnan(seconds):
            log.warning("handler.backoff_failed", reason="not a number", failures=failures, instead_seconds=otherwise)
            return otherwise
        return seconds

    return wait
