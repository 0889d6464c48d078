"""Durations in buckets: every one is within the bounds of its bucket, and percentiles within the error that is told."""

from collections import Counter
from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.histogram import (
    ERROR_FACTOR,
    LAST_BUCKET,
    SHORTEST_SECONDS,
    bucket_of,
    percentile,
    upper_bound,
)

ROUNDING = 1e-9
LONGEST_SECONDS = upper_bound(LAST_BUCKET - 1)
DURATIONS = st.floats(min_value=SHORTEST_SECONDS, max_value=LONGEST_SECONDS)
SHARES = st.floats(min_value=0.01, max_value=1)


@given(st.floats(min_value=-10, max_value=1e12))
def test_a_duration_is_within_the_bounds_of_its_bucket(seconds: float) -> None:
    bucket = bucket_of(seconds)

    assert 0 <= bucket <= LAST_BUCKET
    assert seconds <= upper_bound(bucket) * (1 + ROUNDING)
    if bucket:
        assert seconds >= upper_bound(bucket - 1) * (1 - ROUNDING)


@given(DURATIONS, DURATIONS)
def test_a_longer_duration_is_in_no_earlier_bucket(one: float, two: float) -> None:
    assert bucket_of(min(one, two)) <= bucket_of(max(one, two))


@given(st.lists(DURATIONS, min_size=1, max_size=200), SHARES)
def test_an_estimate_is_off_by_no_more_than_is_told(durations: list[float], share: float) -> None:
    exact = sorted(durations)[ceil(share * len(durations)) - 1]

    estimate = percentile(Counter(map(bucket_of, durations)), share)

    assert estimate is not None
    if bucket_of(exact):
        assert 1 / ERROR_FACTOR - ROUNDING <= estimate / exact <= ERROR_FACTOR + ROUNDING
    else:
        assert estimate == SHORTEST_SECONDS


@given(st.lists(DURATIONS, min_size=1), SHARES, SHARES)
def test_a_higher_percentile_is_no_shorter(durations: list[float], one: float, two: float) -> None:
    counts = Counter(map(bucket_of, durations))

    lower, higher = percentile(counts, min(one, two)), percentile(counts, max(one, two))

    assert lower is not None
    assert higher is not None
    assert lower <= higher


@given(st.lists(DURATIONS), st.lists(DURATIONS), SHARES)
def test_counts_of_two_processes_add_up(one: list[float], two: list[float], share: float) -> None:
    together = Counter(map(bucket_of, one)) + Counter(map(bucket_of, two))

    assert percentile(together, share) == percentile(Counter(map(bucket_of, one + two)), share)


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({3: 0}, 0.5) is None


def test_what_is_longer_than_all_bounds_is_told_as_the_last_bound() -> None:
    assert upper_bound(LAST_BUCKET) == inf
    assert percentile({LAST_BUCKET: 1}, 0.5) == LONGEST_SECONDS


@pytest.mark.parametrize("share", [1.5, 2])
def test_a_share_of_more_than_all_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        percentile({0: 10}, share)


def test_the_error_is_the_one_that_the_documents_tell() -> None:
    assert round(ERROR_FACTOR, 2) == 1.19
