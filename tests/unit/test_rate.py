"""Rate limits: never more than the quota at once, nor than the rate in the long run, and the headers are true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.api.rate_limits import RateLimiter, caller_at, headers_of
from narad.clock import ManualClock
from narad.domain.rate import NANOSECONDS, RatePolicy, judge, parse_rate
from tests.support.tasks import NOW

POLICIES = st.builds(RatePolicy, st.integers(1, 50), st.sampled_from([1, 60, 3_600]))
PAUSES = st.lists(st.integers(0, 5 * NANOSECONDS), min_size=1, max_size=200)
START = 10**15


def arrivals(pauses: list[int]) -> list[int]:
    moments, now = [], START
    for pause in pauses:
        now += pause
        moments.append(now)
    return moments


@given(POLICIES)
def test_the_whole_quota_may_be_spent_at_once_and_no_more(policy: RatePolicy) -> None:
    spent = None
    for number in range(policy.quota):
        verdict = judge(policy, spent, START)
        assert verdict.allowed
        assert verdict.remaining == policy.quota - number - 1
        spent = verdict.spent_until

    assert not judge(policy, spent, START).allowed


@given(POLICIES, PAUSES)
def test_in_no_window_is_more_allowed_than_the_quota_and_what_comes_back_in_it(
    policy: RatePolicy, pauses: list[int]
) -> None:
    spent, allowed = None, []
    for now in arrivals(pauses):
        verdict = judge(policy, spent, now)
        spent = verdict.spent_until
        if verdict.allowed:
            allowed.append(now)

    for first in range(len(allowed)):
        for last in range(first, len(allowed)):
            came_back = (allowed[last] - allowed[first]) // policy.interval
            assert last - first + 1 <= policy.quota + came_back


@given(POLICIES, PAUSES)
def test_who_waits_as_told_is_let_in_and_no_sooner_by_a_second(policy: RatePolicy, pauses: list[int]) -> None:
    spent = None
    for now in arrivals(pauses):
        verdict = judge(policy, spent, now)
        spent = verdict.spent_until
        if not verdict.allowed:
            wait = verdict.retry_after_seconds
            assert wait >= 1
            assert judge(policy, spent, now + wait * NANOSECONDS).allowed
            assert not judge(policy, spent, now + (wait - 1) * NANOSECONDS).allowed


@given(POLICIES, PAUSES)
def test_a_refused_request_costs_nothing_and_the_rest_is_there_when_told(policy: RatePolicy, pauses: list[int]) -> None:
    spent = None
    for now in arrivals(pauses):
        verdict = judge(policy, spent, now)
        if not verdict.allowed:
            assert verdict.spent_until == spent
        spent = verdict.spent_until
        again = judge(policy, spent, now + verdict.full_after_seconds * NANOSECONDS)
        assert again.remaining == policy.quota - 1
        assert 0 <= verdict.remaining < policy.quota
        assert 1 <= verdict.full_after_seconds <= policy.window_seconds


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("600/minute", RatePolicy(600, 60)),
        (" 1/second ", RatePolicy(1, 1)),
        ("1000000/hour", RatePolicy(1_000_000, 3_600)),
        ("5/day", RatePolicy(5, 86_400)),
    ],
)
def test_a_policy_is_written_as_a_rate(text: str, policy: RatePolicy) -> None:
    assert parse_rate(text) == policy


@pytest.mark.parametrize("text", ["", "0/minute", "x", "5", "5/", "5/week", "-1/minute", "1.5/minute", "1000001/day"])
def test_what_is_no_rate_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="600/minute"):
        parse_rate(text)


def test_callers_do_not_spend_each_others_quota() -> None:
    limiter = RateLimiter(ManualClock(NOW), default=None)
    policy = RatePolicy(1, 60)

    assert limiter.take("one", policy).allowed
    assert limiter.take("two", policy).allowed
    assert not limiter.take("one", policy).allowed


def test_a_crowd_of_callers_does_not_fill_the_memory_and_who_is_seen_often_is_remembered() -> None:
    limiter = RateLimiter(ManualClock(NOW), default=None, most=100)
    policy = RatePolicy(1, 60)
    limiter.take("regular", policy)

    for number in range(10_000):
        limiter.take(f"stranger {number}", policy)
        assert not limiter.take("regular", policy).allowed

    assert len(limiter) == 100


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        (None, None, True),
    ],
)
def test_a_network_of_ipv6_counts_as_one_caller(one: str | None, other: str | None, same: bool) -> None:  # noqa: FBT001
    assert (caller_at(one) == caller_at(other)) == same


def test_the_headers_are_in_the_form_of_the_draft() -> None:
    policy = RatePolicy(600, 60)

    headers = dict(headers_of(policy, judge(policy, None, START)))

    assert headers == {b"ratelimit-policy": b'"default";q=600;w=60', b"ratelimit": b'"default";r=599;t=1'}
