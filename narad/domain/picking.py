"""Which lane a free slot takes from: strictly by priority, but for an ageing quota that keeps LOW from starving."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from narad.domain.status import BY_URGENCY, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingQuota:
    """Every `every`-th pick goes to the oldest head that has waited longer than the limit of its priority."""

    every: int = 8
    limits_seconds: Mapping[Priority, float] = field(
        default_factory=lambda: {Priority.MEDIUM: 15.0, Priority.LOW: 60.0}
    )


class Picker:
    """Counts picks and names the priority of each next one."""

    def __init__(self, quota: AgeingQuota) -> None:
        self._quota = quota
        self._picks = 0

    def pick(self, ages: Mapping[Priority, float]) -> Priority | None:
        """The priority to take from, given the age in seconds of the oldest task of each priority that has one.

        Returns None, and counts nothing, when no priority has any.
        """
        if not ages:
            return None
        self._picks += 1
        if self._picks % self._quota.every == 0:
            aged = self._aged(ages)
            if aged is not None:
                return aged
        return next(priority for priority in BY_URGENCY if priority in ages)

    def split(self, slots: int) -> tuple[int, int]:
        """How many of the next `slots` picks go by priority and how many by age, for a claim of many at once."""
        before = self._picks // self._quota.every
        self._picks += slots
        aged = self._picks // self._quota.every - before
        return slots - aged, aged

    def _aged(self, ages: Mapping[Priority, float]) -> Priority | None:
        limits = self._quota.limits_seconds
        overdue = [priority for priority, age in ages.items() if priority in limits and age > limits[priority]]
        return max(overdue, key=lambda priority: ages[priority], default=None)
