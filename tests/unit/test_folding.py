"""Every way in which a handler can end, folded into an outcome."""

import asyncio
import json
import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from typing_extensions import override

from narad import Context, Fatal, Retry, Snooze, handler
from narad.clock import ManualClock
from narad.domain.outcome import Completed, Failed, Outcome, Snoozed, timed_out
from narad.domain.storable import check_text
from narad.domain.task import Json, JsonObject
from narad.worker import folding
from narad.worker.handler import AnyHandler
from narad.worker.signals import TaskCancelled
from narad.worker.signature import PayloadError
from tests.support.attempts import ATTEMPT, NOON

YEAR = 366 * 86_400.0
LARGE = 1_000_000


@handler("any")
async def any_result():  # type: ignore[no-untyped-def]  # noqa: ANN201 - a handler as people write them
    """Do anything."""


@handler("number")
async def number() -> int:
    """Return a number."""
    return 1


@handler("picky", retry_on=(OSError, asyncio.CancelledError))
async def picky() -> None:
    """Fail for good, unless the network is to blame."""


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome


def raised_by_code(error: BaseException) -> BaseException:
    """The exception as it is when it was really raised: with a traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize("value", [None, 1, "text", [1, {"a": None}]])
def test_a_returned_value_completes_the_attempt(value: Json) -> None:
    assert folding.returned(any_result, value, LARGE) == Completed(value)


@pytest.mark.parametrize(("target", "value"), [(number, "many"), (any_result, math.nan), (any_result, object())])
def test_a_result_that_cannot_be_kept_fails_for_good(target: AnyHandler, value: object) -> None:
    outcome = failed(folding.returned(target, value, LARGE))

    assert (outcome.error.type, outcome.error.retryable) == ("ResultError", False)


def test_a_result_that_is_too_large_fails_for_good() -> None:
    outcome = failed(folding.returned(any_result, "x" * 100, 50))

    assert (outcome.error.type, outcome.error.retryable) == ("ResultError", False)
    assert "more than 50" in outcome.error.message


@pytest.mark.parametrize(
    ("asked", "delay"),
    [(0, 0.0), (1.5, 1.5), (-3, 0.0), (10**12, YEAR), (math.inf, YEAR), (timedelta(minutes=1), 60.0), (True + 1, 2.0)],
)
def test_a_snooze_is_folded_whether_raised_or_returned_and_bounded(asked: float | timedelta, delay: float) -> None:
    assert folding.raised(any_result, Snooze(asked)) == Snoozed(delay)
    assert folding.returned(any_result, Snooze(asked), LARGE) == Snoozed(delay)


def test_fatal_fails_for_good_whatever_is_worth_another_attempt() -> None:
    outcome = failed(folding.raised(any_result, Fatal("no such file")))

    assert (outcome.error.type, outcome.error.message, outcome.error.retryable) == ("Fatal", "no such file", False)


@pytest.mark.parametrize(
    ("after", "wait"), [(None, None), (0, 0.0), (30, 30.0), (-1, 0.0), (math.inf, YEAR), (timedelta(minutes=1), 60)]
)
def test_retry_fails_the_attempt_and_names_the_wait_whatever_is_worth_another(
    after: float | timedelta | None, wait: float | None
) -> None:
    outcome = failed(folding.raised(picky, Retry("busy", after=after)))

    assert (outcome.error.message, outcome.error.retryable) == ("busy", True)
    assert outcome.retry_after_seconds == wait


@pytest.mark.parametrize(
    ("target", "error", "retryable"),
    [
        (any_result, ValueError("x"), True),
        (any_result, TaskCancelled("x"), True),
        (any_result, asyncio.CancelledError("x"), False),
        (any_result, KeyboardInterrupt("x"), False),
        (picky, OSError("x"), True),
        (picky, ConnectionError("x"), True),
        (picky, asyncio.CancelledError("x"), True),
        (picky, ValueError("x"), False),
    ],
)
def test_an_exception_is_worth_another_attempt_if_the_handler_says_so(
    target: AnyHandler,
    error: BaseException,
    retryable: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    outcome = failed(folding.raised(target, error))

    assert (outcome.error.type, outcome.error.message) == (type(error).__name__, "x")
    assert outcome.error.retryable is retryable
    assert outcome.retry_after_seconds is None


def test_an_error_shows_where_in_the_code_it_was_raised_and_what_caused_it() -> None:
    error = raised_by_code(ValueError("outer"))
    error.__cause__ = raised_by_code(KeyError("inner"))

    traceback = failed(folding.raised(any_result, error)).error.traceback

    assert traceback is not None
    assert "in raised_by_code" in traceback
    assert traceback.index("KeyError: 'inner'") < traceback.index("ValueError: outer")


def test_a_long_message_and_traceback_are_cut_keeping_the_start_of_the_one_and_the_end_of_the_other() -> None:
    error = failed(folding.raised(any_result, ValueError("start" + "x" * 1_000_000 + "end"))).error

    assert len(error.message) == 10_000
    assert error.message.startswith("start")
    assert error.traceback is not None
    assert len(error.traceback) == 65_536
    assert error.traceback.endswith("end\n")


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\x00" * 20_000, "ä\udfff"])
def test_what_cannot_be_stored_in_a_message_is_written_out(text: str) -> None:
    for outcome in (
        folding.raised(any_result, raised_by_code(ValueError(text))),
        folding.raised(any_result, Fatal(text)),
        folding.refused(PayloadError(text)),
    ):
        error = failed(outcome).error
        check_text(error.message)
        check_text(error.traceback or "")
    assert "\\" in failed(folding.raised(any_result, ValueError(text))).error.message


def test_a_payload_that_does_not_fit_fails_for_good() -> None:
    outcome = failed(folding.refused(PayloadError("width: too wide")))

    assert (outcome.error.type, outcome.error.message) == ("PayloadError", "width: too wide")
    assert outcome.error.retryable is False


def test_a_time_limit_fails_the_attempt_and_leaves_room_for_another() -> None:
    error = failed(timed_out(1.5)).error

    assert (error.type, error.retryable) == ("Timeout", True)
    assert "1.5 s" in error.message


def context() -> Context:
    return Context(ATTEMPT, ManualClock(NOON), lambda _progress: None)


def folded(target: AnyHandler, payload: JsonObject) -> Outcome:
    return folding.folded(target, json.dumps(payload), context(), lambda arguments: target.function(**arguments), LARGE)


def test_a_call_is_folded_by_how_it_ended() -> None:
    @handler("divide")
    def divide(by: int, ctx: Context) -> int:
        """Divide a number."""
        return 12 // by * ctx.attempt

    assert folded(divide, {"by": 4}) == Completed(3)
    assert failed(folded(divide, {"by": 0})).error.type == "ZeroDivisionError"
    assert failed(folded(divide, {"by": "x"})).error.type == "PayloadError"


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        StopIteration(1),
        asyncio.CancelledError(),
        TaskCancelled("x"),
    ],
)
def test_whatever_a_call_raises_becomes_an_outcome(error: BaseException) -> None:
    @handler("breaks.off")
    def breaks_off() -> None:
        """End in a way that means something to Python."""
        raise error

    assert failed(folded(breaks_off, {})).error.type == type(error).__name__


def test_what_failed_and_never_should_leaves_room_for_another_attempt() -> None:
    error = failed(folding.unexpected(OSError("no more processes"))).error

    assert (error.type, error.message, error.retryable) == ("OSError", "no more processes", True)


class Mute(Exception):  # noqa: N818 - what it is
    """An exception that cannot even be shown."""

    @override
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unspeakable:
    """A value that cannot be shown."""

    @override
    def __repr__(self) -> str:
        raise SystemExit("no words")


@pytest.mark.parametrize("error", [Mute(), ValueError(Unspeakable()), KeyError(Unspeakable()), Fatal(Unspeakable())])
def test_an_exception_that_cannot_be_shown_fails_the_attempt_like_any_other(error: Exception) -> None:
    told = failed(folding.raised(any_result, raised_by_code(error))).error

    assert told.type == type(error).__name__
    assert "cannot be shown" in told.message
    assert told.traceback is not None
    assert "in raised_by_code" in told.traceback


@pytest.mark.parametrize("wait", ["5", None, True, Decimal(5), 1j])
def test_a_wait_that_is_no_number_is_refused_where_it_is_written(wait: Any) -> None:  # noqa: ANN401 - any mistake
    with pytest.raises(TypeError, match="a number of seconds or a timedelta"):
        Snooze(wait)
    if wait is not None:
        with pytest.raises(TypeError, match="a number of seconds or a timedelta"):
            Retry(after=wait)


def test_a_wait_that_is_not_a_number_at_all_is_refused_too() -> None:
    with pytest.raises(ValueError, match="not nan"):
        Snooze(math.nan)
    with pytest.raises(ValueError, match="not nan"):
        Retry(after=math.nan)


def test_a_signal_that_was_made_in_another_way_fails_the_attempt_like_any_other() -> None:
    class Late(Snooze):
        """Forgets what a snooze needs."""

        def __init__(self) -> None:
            Exception.__init__(self, "late")

    spoilt = Retry()
    spoilt.after = "5"  # type: ignore[assignment]  # a mistake that users make

    assert failed(folding.raised(any_result, Late())).error.message == "late"
    assert failed(folding.raised(any_result, spoilt)).error.type == "Retry"


def test_the_message_of_a_refused_payload_or_result_is_cut_too() -> None:
    @handler("numbers")
    async def numbers(values: list[int]) -> list[int]:
        """Return numbers."""
        return values

    with pytest.raises(PayloadError) as caught:
        numbers.signature.arguments(json.dumps({"values": ["x"] * 20_000}))

    assert len(failed(folding.refused(caught.value)).error.message) <= 10_000
    assert len(failed(folding.returned(numbers, ["x"] * 20_000, LARGE)).error.message) <= 10_000
