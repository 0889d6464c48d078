"""Back-off: bounds, growth, and a draw that everyone computes alike."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.retry import RetryPolicy, draw

POLICIES = st.builds(RetryPolicy, base_seconds=st.floats(0.001, 86_400), cap_seconds=st.floats(0.001, 86_400))
FAILURES = st.integers(1, 10**12)
FRACTIONS = st.floats(0, 1, exclude_max=True)
ATTEMPTS = st.integers(0, 2**31 - 1)


@given(POLICIES, FAILURES, FRACTIONS)
def test_a_delay_lies_between_nothing_and_the_longest_wait(policy: RetryPolicy, failures: int, fraction: float) -> None:
    delay = policy.delay_seconds(failures, fraction)

    assert 0 <= delay <= policy.longest_seconds(failures) <= policy.cap_seconds


@given(POLICIES, FAILURES)
def test_the_longest_wait_never_shrinks_with_another_failure(policy: RetryPolicy, failures: int) -> None:
    assert policy.longest_seconds(failures) <= policy.longest_seconds(failures + 1)


@given(POLICIES)
def test_the_first_wait_is_the_base_and_enough_failures_reach_the_cap(policy: RetryPolicy) -> None:
    assert policy.longest_seconds(1) == min(policy.base_seconds, policy.cap_seconds)
    assert policy.longest_seconds(10**100) == policy.cap_seconds


@pytest.mark.parametrize(("failures", "longest"), [(1, 2), (2, 4), (3, 8), (11, 2048), (12, 3600), (10**9, 3600)])
def test_the_longest_wait_doubles_up_to_the_cap(failures: int, longest: float) -> None:
    assert RetryPolicy().longest_seconds(failures) == longest


@given(FRACTIONS)
def test_the_draw_spreads_the_whole_wait_and_without_jitter_none_of_it(fraction: float) -> None:
    assert RetryPolicy(base_seconds=10).delay_seconds(1, fraction) == 10 * fraction
    assert RetryPolicy(base_seconds=10, jitter=False).delay_seconds(1, fraction) == 10


@given(st.uuids(), ATTEMPTS)
def test_a_draw_is_at_least_0_below_1_and_the_same_for_everyone(task_id: UUID, attempt: int) -> None:
    assert 0 <= draw(task_id, attempt) < 1
    assert draw(task_id, attempt) == draw(UUID(str(task_id)), attempt)


def test_a_draw_is_the_same_in_every_release() -> None:
    task_id = UUID("0197f3a0-0000-7000-8000-000000000001")

    assert [round(draw(task_id, attempt), 6) for attempt in (1, 2, 3)] == [0.777097, 0.353136, 0.442255]


@pytest.mark.parametrize("by", ["attempt", "task"])
def test_draws_are_even_over_attempts_and_over_tasks(by: str) -> None:
    one = UUID(int=7)
    draws = [draw(one, number) if by == "attempt" else draw(UUID(int=number), 1) for number in range(10_000)]

    tenths = [sum(1 for value in draws if int(value * 10) == tenth) for tenth in range(10)]

    assert all(850 < count < 1_150 for count in tenths), tenths
    assert len(set(draws)) == len(draws)
