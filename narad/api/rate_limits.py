"""Rate limits of this process: who has spent how much, and how answers tell it."""

import ipaddress

from narad.api import problems
from narad.api.problems import Problem
from narad.clock import Clock
from narad.domain.rate import NANOSECONDS, RatePolicy, Verdict, judge

MOST_CALLERS = 100_000
_IPV6_PREFIX = 64
_NAME = "default"


class RateLimiter:
    """Remembers one number for each caller, and of so many callers only: the longest unseen is forgotten."""

    def __init__(self, clock: Clock, *, default: RatePolicy | None, most: int = MOST_CALLERS) -> None:
        """`default` is for all who have no policy of their own; without one, these are not limited."""
        self.default = default
        self._clock = clock
        self._most = most
        self._spent: dict[str, int] = {}

    def take(self, caller: str, policy: RatePolicy) -> Verdict:
        """Count one request of the caller."""
        verdict = judge(policy, self._spent.pop(caller, None), int(self._clock.monotonic() * NANOSECONDS))
        self._spent[caller] = verdict.spent_until
        if len(self._spent) > self._most:
            del self._spent[next(iter(self._spent))]
        return verdict

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._spent)


def caller_at(address: str | None) -> str:
    """Who an address stands for. A network of IPv6 is one household: each device in it has more addresses than one."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return f"at {address}"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return f"at {ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False)}"
    return f"at {address}"


def headers_of(policy: RatePolicy, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """What an answer says of the policy and of what is left."""
    return [
        (b"ratelimit-policy", f'"{_NAME}";q={policy.quota};w={policy.window_seconds}'.encode()),
        (b"ratelimit", f'"{_NAME}";r={verdict.remaining};t={verdict.full_after_seconds}'.encode()),
    ]


def over_quota(policy: RatePolicy, verdict: Verdict) -> Problem:
    """The answer to a request beyond the quota."""
    wait = verdict.retry_after_seconds
    detail = f"More than {policy.quota} requests in {policy.window_seconds} s. Try again in {wait} s."
    return Problem(problems.QUOTA_EXCEEDED, detail, headers={"Retry-After": str(wait)})
