"""What is counted of tasks, and over which spans of time the counts are kept."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from narad.domain.status import Priority, Status


class Measure(StrEnum):
    """What is counted. The order of the members is the order of their codes in the store."""

    CREATED = "CREATED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    WAIT = "WAIT"
    RUN = "RUN"


class Span(StrEnum):
    """How long a time one count covers. The order of the members is the order of their codes in the store."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    def start(self, moment: datetime) -> datetime:
        """The start of the span that the moment, in UTC, lies in."""
        match self:
            case Span.MINUTE:
                return moment.replace(second=0, microsecond=0)
            case Span.HOUR:
                return moment.replace(minute=0, second=0, microsecond=0)
            case Span.DAY:
                return moment.replace(hour=0, minute=0, second=0, microsecond=0)


KEPT_SPANS: Mapping[Span, timedelta] = {Span.MINUTE: timedelta(hours=2), Span.HOUR: timedelta(days=2)}
"""How long counts are kept: enough for every window. Those of days are kept as long as tasks are."""

MEASURE_OF: Mapping[Status, Measure] = {
    Status.COMPLETED: Measure.COMPLETED,
    Status.FAILED: Measure.FAILED,
    Status.CANCELLED: Measure.CANCELLED,
}
TIMED = frozenset({Measure.WAIT, Measure.RUN})
"""Measures that are durations, counted by bucket; the others have one bucket, 0."""

Key: TypeAlias = tuple[str, Priority, Measure, int]
"""What one count is of: handler, priority, measure, bucket."""
