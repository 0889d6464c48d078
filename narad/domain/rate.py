"""Rate limits by the generic cell rate algorithm (GCRA): one number per caller, no window that can be played.

Each request moves the time until which a caller has spent its quota on by one interval. It is allowed as long as that
time is at most one window ahead. Times are whole nanoseconds, so that nothing is lost to rounding.
"""

import re
from dataclasses import dataclass
from math import ceil

NANOSECONDS = 1_000_000_000
MOST_REQUESTS = 1_000_000
_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_FORM = re.compile(rf"([1-9][0-9]{{0,6}})/({'|'.join(_UNITS)})")


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """So many requests in a window, all of them at once if need be."""

    quota: int
    window_seconds: int

    @property
    def interval(self) -> int:
        """Nanoseconds after which one more request is allowed."""
        return self.window_seconds * NANOSECONDS // self.quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a policy says of one request.

    `spent_until` is what to remember of the caller. `remaining` requests are allowed at once after this one, the whole
    quota after `full_after_seconds`; one that was refused may be repeated after `retry_after_seconds`.
    """

    allowed: bool
    spent_until: int
    remaining: int
    full_after_seconds: int
    retry_after_seconds: int


def parse_rate(text: str) -> RatePolicy:
    """The policy that is written like `600/minute`.

    Raises:
        ValueError: it is none.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None or int(found[1]) > MOST_REQUESTS:
        units = ", ".join(_UNITS)
        raise ValueError(f"{text!r} is no rate; write it like 600/minute, of {units}, up to {MOST_REQUESTS} requests")
    return RatePolicy(int(found[1]), _UNITS[found[2]])


def judge(policy: RatePolicy, spent_until: int | None, now: int) -> Verdict:
    """Whether a request at `now` is allowed to a caller that has spent its quota until then."""
    interval = policy.interval
    burst = interval * policy.quota
    before = now if spent_until is None or spent_until < now else spent_until
    after = before + interval
    excess = after - now - burst
    if excess > 0:
        return Verdict(
            allowed=False,
            spent_until=before,
            remaining=0,
            full_after_seconds=ceil((before - now) / NANOSECONDS),
            retry_after_seconds=ceil(excess / NANOSECONDS),
        )
    return Verdict(
        allowed=True,
        spent_until=after,
        remaining=-excess // interval,
        full_after_seconds=ceil((after - now) / NANOSECONDS),
        retry_after_seconds=0,
    )
