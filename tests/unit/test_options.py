"""The options of a handler: what is refused, and when a failed attempt is tried again."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad import handler
from narad.domain.retry import RetryPolicy, Shape
from narad.domain.status import Priority
from narad.worker.options import Options
from narad.worker.waits import policy_of

USUAL = RetryPolicy(base_seconds=2, cap_seconds=100)
FAILURES = st.integers(1, 10**9)


def work() -> None: ...


@pytest.mark.parametrize(
    ("backoff", "longest"),
    [
        (None, [2, 4, 8, 16]),
        ("exponential", [2, 4, 8, 16]),
        ("linear", [2, 4, 6, 8]),
        ("fixed", [2, 2, 2, 2]),
        (lambda failures: failures * 10.0, [10, 20, 30, 40]),
    ],
)
def test_the_wait_grows_as_the_handler_says(backoff: Any, longest: list[float]) -> None:  # noqa: ANN401 - any of them
    policy = policy_of(Options(backoff=backoff), USUAL)

    assert [policy.longest_seconds(failures) for failures in (1, 2, 3, 4)] == longest


@given(st.sampled_from(["exponential", "linear", "fixed"]), FAILURES)
def test_no_shape_leads_beyond_the_cap_or_backwards(shape: Shape, failures: int) -> None:
    policy = policy_of(Options(backoff=shape, backoff_cap_seconds=50), USUAL)

    assert 0 < policy.longest_seconds(failures) <= policy.longest_seconds(failures + 1) <= 50


def test_a_function_is_taken_at_its_word_unless_the_wait_is_to_be_spread() -> None:
    def hours(failures: int) -> float:
        return failures * 3_600.0

    exact, spread = policy_of(Options(backoff=hours), USUAL), policy_of(Options(backoff=hours, jitter=True), USUAL)

    assert (exact.delay_seconds(2, 0.5), spread.delay_seconds(2, 0.5)) == (7_200, 3_600)
    assert policy_of(Options(backoff=hours, backoff_cap_seconds=60), USUAL).longest_seconds(5) == 60


def _raise(_failures: int) -> float:
    raise ZeroDivisionError


@pytest.mark.parametrize("backoff", [_raise, lambda _failures: math.nan, lambda _failures: "soon"])
def test_a_function_that_fails_leaves_the_wait_to_the_base(backoff: Callable[[int], float]) -> None:
    assert policy_of(Options(backoff=backoff), USUAL).delay_seconds(3, 0.5) == 2


@pytest.mark.parametrize(("wait", "seconds"), [(-5.0, 0), (math.inf, 366 * 86_400)])
def test_a_wait_out_of_all_bounds_is_brought_into_them(wait: float, seconds: float) -> None:
    assert policy_of(Options(backoff=lambda _failures: wait), USUAL).delay_seconds(1, 0) == seconds


def test_without_jitter_the_wait_is_the_longest() -> None:
    assert policy_of(Options(jitter=False), USUAL).delay_seconds(2, 0.25) == 4
    assert policy_of(Options(), USUAL).delay_seconds(2, 0.25) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backoff": "quadratic"}, "backoff must be one of exponential, linear, fixed or a function, not 'quadratic'"),
        ({"jitter": "yes"}, "jitter must be True or False"),
        ({"expires_in": 0}, "expires_in must be a number of seconds above 0"),
        ({"expires_in": timedelta(days=400)}, "expires_in must be a number of seconds above 0"),
        ({"timeout": -1}, "timeout must be a number of seconds above 0"),
        ({"backoff_cap_seconds": math.inf}, "backoff_cap_seconds must be a number of seconds above 0"),
        ({"priority": "URGENT"}, "'URGENT' is not a valid Priority"),
        ({"version": ""}, "version must have 1 to 100 characters"),
        ({"redact": ["a..b"]}, "redact must name places in the payload such as 'password' or 'card.number'"),
        ({"redact": ["a"] * 101}, "redact may name 100 paths"),
        ({"retry_on": (1,)}, "retry_on must be a tuple of exception classes"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        handler("a", **options)


def test_options_are_what_the_catalogue_shows_of_them() -> None:
    def gently(failures: int) -> float:
        return failures

    made = handler(
        "a",
        priority="HIGH",
        expires_in=timedelta(minutes=1),
        backoff=gently,
        jitter=True,
        redact="card.number",
        version="2026.1",
    )(work)

    assert made.options.priority is Priority.HIGH
    shown = {name: value for name, value in made.options.as_json().items() if value is not None}
    assert shown == {
        "priority": "HIGH",
        "expires_in_seconds": 60,
        "backoff": "gently",
        "jitter": True,
        "redact": ["card.number"],
        "version": "2026.1",
    }
