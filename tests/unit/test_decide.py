"""From an outcome to what happens to the task."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.decide import Finish, PutBack, decide
from narad.domain.outcome import Cancelled, Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.retry import RetryPolicy
from narad.domain.status import Status
from narad.domain.task import ClaimedTask, TaskError
from tests.support.attempts import ATTEMPT, DELAYS, NOON, OUTCOMES

ATTEMPTS = st.builds(
    lambda identity, attempt, failures, allowance: ATTEMPT._replace(
        id=identity, attempt=attempt, failures=failures, max_attempts=failures + allowance
    ),
    st.uuids(),
    st.integers(1, 10_000),
    st.integers(0, 1_000),
    st.integers(1, 1_000),
)
POLICIES = st.builds(
    RetryPolicy,
    base_seconds=st.floats(0.001, 86_400),
    cap_seconds=st.floats(0.001, 86_400),
    jitter=st.booleans(),
)
FLAW = TaskError(type="ValueError", message="no")
ROUNDING = timedelta(microseconds=1)


@given(ATTEMPTS, OUTCOMES, POLICIES)
def test_every_decision_is_about_this_very_attempt(task: ClaimedTask, outcome: Outcome, policy: RetryPolicy) -> None:
    decision = decide(task, outcome, NOON, policy)

    assert (decision.id, decision.attempt) == (task.id, task.attempt)


@given(ATTEMPTS, st.integers() | st.text() | st.none())
def test_a_completed_attempt_completes_the_task_with_its_result(task: ClaimedTask, result: int | str | None) -> None:
    decision = decide(task, Completed(result), NOON)

    assert decision == Finish(id=task.id, attempt=task.attempt, status=Status.COMPLETED, at=NOON, result=result)


@given(ATTEMPTS)
def test_a_cancelled_attempt_cancels_the_task_uncharged_and_says_so(task: ClaimedTask) -> None:
    decision = decide(task, Cancelled(), NOON)

    assert isinstance(decision, Finish)
    assert (decision.status, decision.at, decision.charge) == (Status.CANCELLED, NOON, 0)
    assert decision.error is not None
    assert (decision.error.type, decision.error.retryable) == ("Cancelled", False)


@given(ATTEMPTS, st.none() | DELAYS)
def test_an_error_that_is_not_retryable_fails_the_task_at_once(task: ClaimedTask, after: float | None) -> None:
    error = replace(FLAW, retryable=False)

    decision = decide(task, Failed(error=error, retry_after_seconds=after), NOON)

    assert decision == Finish(
        id=task.id, attempt=task.attempt, status=Status.FAILED, at=NOON, error=error, result=None, charge=1
    )


@given(ATTEMPTS, st.none() | DELAYS)
def test_the_last_failed_attempt_of_the_allowance_fails_the_task(task: ClaimedTask, after: float | None) -> None:
    last = task._replace(failures=task.max_attempts - 1)

    decision = decide(last, Failed(error=FLAW, retry_after_seconds=after), NOON)

    assert isinstance(decision, Finish)
    assert (decision.status, decision.charge, decision.error) == (Status.FAILED, 1, FLAW)


@given(ATTEMPTS, POLICIES)
def test_a_failure_within_the_allowance_puts_the_task_back_charged_and_within_the_longest_wait(
    task: ClaimedTask, policy: RetryPolicy
) -> None:
    task = task._replace(max_attempts=task.failures + 2)

    decision = decide(task, Failed(error=FLAW), NOON, policy)

    longest = timedelta(seconds=policy.longest_seconds(task.failures + 1))
    assert isinstance(decision, PutBack)
    assert (decision.charge, decision.error) == (1, FLAW)
    assert NOON <= decision.run_at <= NOON + longest + ROUNDING


@given(ATTEMPTS, DELAYS, POLICIES)
def test_the_handlers_own_wish_for_the_wait_wins_over_back_off(
    task: ClaimedTask, after: float, policy: RetryPolicy
) -> None:
    task = task._replace(max_attempts=task.failures + 2)

    decision = decide(task, Failed(error=FLAW, retry_after_seconds=after), NOON, policy)

    assert isinstance(decision, PutBack)
    assert (decision.run_at, decision.charge) == (NOON + timedelta(seconds=after), 1)


@given(ATTEMPTS, DELAYS)
def test_snoozed_and_handed_back_attempts_are_never_charged(task: ClaimedTask, delay: float) -> None:
    expected = PutBack(id=task.id, attempt=task.attempt, run_at=NOON + timedelta(seconds=delay), charge=0, error=None)

    assert decide(task, Snoozed(delay), NOON) == expected
    assert decide(task, HandedBack("the worker stops", delay), NOON) == expected


@given(ATTEMPTS, POLICIES)
def test_whoever_decides_the_same_attempt_decides_the_same(task: ClaimedTask, policy: RetryPolicy) -> None:
    first, second = (decide(task, Failed(error=FLAW), NOON, policy) for _ in range(2))

    assert first == second


@pytest.mark.parametrize(("failures", "wait"), [(0, 2), (1, 4), (2, 8), (10, 100)])
def test_the_wait_grows_with_the_failures_of_the_task_and_not_with_its_attempts(failures: int, wait: float) -> None:
    task = ATTEMPT._replace(attempt=500, failures=failures, max_attempts=20)

    decision = decide(task, Failed(error=FLAW), NOON, RetryPolicy(base_seconds=2, cap_seconds=100, jitter=False))

    assert isinstance(decision, PutBack)
    assert decision.run_at == NOON + timedelta(seconds=wait)
