"""What happened over a range of time, span by span: the numbers behind the charts of the overview."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from narad.dashboard.words import N_
from narad.domain.histogram import percentile
from narad.domain.statistics import TIMED, Measure, Span
from narad.store.statistics import Bucketed

Buckets = defaultdict[int, int]


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time that ends now, in spans of which so many are shown."""

    name: str
    label: str
    span: Span
    number: int

    @property
    def length(self) -> timedelta:
        """How long one span is."""
        return LENGTHS[self.span]

    def starts(self, now: datetime) -> Sequence[datetime]:
        """When its spans start, the oldest first; the last one lasts still."""
        last = self.span.start(now)
        return [last - self.length * back for back in reversed(range(self.number))]


LENGTHS: Final[Mapping[Span, timedelta]] = {
    Span.MINUTE: timedelta(minutes=1),
    Span.HOUR: timedelta(hours=1),
    Span.DAY: timedelta(days=1),
}
RANGES: Final = {
    one.name: one
    for one in (
        Range("15m", N_("15 minutes"), Span.MINUTE, 15),
        Range("1h", N_("1 hour"), Span.MINUTE, 60),
        Range("24h", N_("24 hours"), Span.HOUR, 24),
        Range("7d", N_("7 days"), Span.DAY, 7),
    )
}
"""By the word in the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One span: what ended in it, and how long tasks waited and ran; None where none did."""

    starts_at: datetime
    completed: int
    failed: int
    wait: tuple[float | None, float | None]
    run: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The spans of a range, and what they come to together. Durations are the median and the 95th percentile."""

    stretches: Sequence[Stretch]
    completed: int
    failed: int
    wait: tuple[float | None, float | None]
    run: tuple[float | None, float | None]

    @property
    def ended(self) -> int:
        """How many tasks completed or failed."""
        return self.completed + self.failed

    @property
    def success(self) -> float | None:
        """The share of completed tasks in those that completed or failed; None where none did."""
        return self.completed / self.ended if self.ended else None


class _Counts:
    """Counts of one span, or of all together."""

    def __init__(self) -> None:
        self.totals: defaultdict[Measure, int] = defaultdict(int)
        self.buckets: defaultdict[Measure, Buckets] = defaultdict(lambda: defaultdict(int))

    def add(self, one: Bucketed) -> None:
        if one.measure in TIMED:
            self.buckets[one.measure][one.bucket] += one.total
        else:
            self.totals[one.measure] += one.total

    def durations(self, measure: Measure) -> tuple[float | None, float | None]:
        return percentile(self.buckets[measure], 0.5), percentile(self.buckets[measure], 0.95)


def course_of(counted: Sequence[Bucketed], starts: Sequence[datetime]) -> Course:
    """The course over these spans, also over those in which nothing happened; what was counted outside is left out."""
    spans = {start: _Counts() for start in starts}
    whole = _Counts()
    for one in counted:
        if one.starts_at in spans:
            spans[one.starts_at].add(one)
            whole.add(one)
    return Course(
        stretches=[
            Stretch(
                starts_at=start,
                completed=counts.totals[Measure.COMPLETED],
                failed=counts.totals[Measure.FAILED],
                wait=counts.durations(Measure.WAIT),
                run=counts.durations(Measure.RUN),
            )
            for start, counts in spans.items()
        ],
        completed=whole.totals[Measure.COMPLETED],
        failed=whole.totals[Measure.FAILED],
        wait=whole.durations(Measure.WAIT),
        run=whole.durations(Measure.RUN),
    )
