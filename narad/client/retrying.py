"""Which requests are made again, and when."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

from narad.client.errors import ApiError, ConnectionFailed, NaradError, error_of
from narad.client.wire import Answer, Call, Flow, Pause, T

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 8.0
_LONGEST_OBEYED_SECONDS = 60.0
"""A service that wants to be left alone for longer is for the caller to come back to."""
_DOUBLINGS = 10

_PASSING = {408, 429, 502, 503, 504}
_NOTHING_DONE = {408, 429}
"""Statuses that say that the request was not carried out."""
_IN_PROGRESS = "idempotency_in_progress"
_SHOULD_RETRY = "narad-should-retry"


def _dice() -> float:
    return random.random()  # noqa: S311 - spreads requests, protects nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is made again, and the dice for the time between."""

    max_retries: int = 5
    dice: Callable[[], float] = _dice

    def pause(self, call: Call, error: NaradError, retries: int) -> float | None:
        """Seconds until the next try of a call that failed after so many retries; None where none is worth it."""
        if retries >= self.max_retries or not is_passing(call, error):
            return None
        wanted = error.retry_after if isinstance(error, ApiError) else None
        if wanted is None:
            return self.back_off(retries)
        return wanted if wanted <= _LONGEST_OBEYED_SECONDS else None

    def back_off(self, retries: int) -> float:
        """Full jitter: clients that failed together shall not come back together."""
        return self.dice() * min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(retries, _DOUBLINGS))


def is_passing(call: Call, error: NaradError) -> bool:
    """Whether a call may succeed when it is made again, and may be made again."""
    if isinstance(error, ConnectionFailed):
        return call.repeatable or not error.sent
    if not isinstance(error, ApiError) or error.response.headers.get(_SHOULD_RETRY, "").lower() == "false":
        return False
    if error.code == _IN_PROGRESS:
        return True
    return error.status in (_PASSING if call.repeatable else _NOTHING_DONE)


def insistent(flow: Flow[T], policy: RetryPolicy) -> Flow[T]:
    """The same course, each request of it made again as the policy says; an answer that says no becomes an error."""
    try:
        step = next(flow)
        while True:
            try:
                answer = yield from (_answered(step, policy) if isinstance(step, Call) else _paused(step))
            except NaradError as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value


def _answered(call: Call, policy: RetryPolicy) -> Flow[Answer | None]:
    for retries in count():
        failure: NaradError
        try:
            answer = yield call
        except ConnectionFailed as error:
            failure = error
        else:
            if answer is None or not answer.is_error:
                return answer and replace(answer, response=replace(answer.response, retries=retries))
            failure = error_of(replace(answer.response, retries=retries), answer.body)
        pause = policy.pause(call, failure, retries)
        if pause is None:
            raise failure
        yield Pause(pause)
    raise AssertionError("unreachable")


def _paused(pause: Pause) -> Flow[Answer | None]:
    return (yield pause)
