"""Durations counted in buckets with fixed bounds, and percentiles estimated from the counts.

Bounds grow by the same factor from bucket to bucket, so an estimate is as good for a millisecond as for an hour, and
counts of any two processes add up. A percentile is told as the middle of its bucket, on the logarithmic scale: it is
off by no more than the factor `ERROR_FACTOR`, 19 %, between a millisecond and twelve days.
"""

from collections.abc import Mapping
from math import ceil, log2

SHORTEST_SECONDS = 0.001
"""Upper bound of the first bucket; nothing shorter is told apart."""
PER_DOUBLING = 2
LAST_BUCKET = 61
"""Everything above the bound of the one before it."""
ERROR_FACTOR: float = 2 ** (1 / (2 * PER_DOUBLING))


def bucket_of(seconds: float) -> int:
    """The bucket of a duration."""
    if seconds <= SHORTEST_SECONDS:
        return 0
    return min(ceil(log2(seconds / SHORTEST_SECONDS) * PER_DOUBLING), LAST_BUCKET)


def upper_bound(bucket: int) -> float:
    """The longest duration of a bucket, in seconds; the last one has none."""
    return float(SHORTEST_SECONDS * 2 ** (bucket / PER_DOUBLING)) if bucket < LAST_BUCKET else float("inf")


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """An estimate of the duration in seconds that the `share` (above 0, up to 1) of all do not exceed; None of none."""
    rank = ceil(share * sum(counts.values()))
    if rank == 0:
        return None
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return middle(bucket)
    raise ValueError(f"share must be above 0 and at most 1, not {share}")


def middle(bucket: int) -> float:
    """What is told of a bucket: its middle; of the first, and of the last, the one bound that it has."""
    if bucket in {0, LAST_BUCKET}:
        return upper_bound(min(bucket, LAST_BUCKET - 1))
    return upper_bound(bucket) / ERROR_FACTOR
