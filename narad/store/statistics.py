"""Statistics: counts by span of time, added to by every process, and counts of the tasks that have not ended.

No statement looks at tasks that have ended, nor at more than a bounded number of the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    SmallInteger,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from narad.domain.fleet import MOST_COUNTED, Count
from narad.domain.statistics import KEPT_SPANS, MEASURE_OF, Key, Measure, Span
from narad.domain.status import Priority, Status
from narad.store.conditions import has_status
from narad.store.database import Database
from narad.store.dialects import rows_of
from narad.store.tables import stats, tasks
from narad.store.types import Code, UTCDateTime, code_of

_OPEN_STATUSES = (Status.NEW, Status.PENDING, Status.IN_PROGRESS)
_LIMIT: ColumnElement[int] = literal_column(str(MOST_COUNTED + 1))
"""Written out, so that the planner knows that few rows are wanted."""


def _is_measure(*measures: Measure) -> ColumnElement[bool]:
    """Whether the row is of one of the measures, which lead the key, written out as the database keeps them."""
    codes: list[ColumnElement[int]] = [literal_column(str(code_of(measure))) for measure in measures]
    return type_coerce(stats.c.measure, SmallInteger).in_(codes)


def _number_of(status: Status) -> ColumnElement[int]:
    some = select(tasks.c.id).where(has_status(status)).limit(_LIMIT).subquery()
    return select(func.count()).select_from(some).scalar_subquery().label(status.lower())


_total = cast(func.sum(stats.c.total), BigInteger).label("total")
_of_span = stats.c.span == bindparam("of_span", type_=Code(Span))
_since = stats.c.starts_at >= bindparam("since", type_=UTCDateTime())
_WINDOW = (
    select(stats.c.handler, stats.c.measure, stats.c.bucket, _total)
    .where(_of_span, _is_measure(*Measure), _since)
    .group_by(stats.c.handler, stats.c.measure, stats.c.bucket)
)
_COURSE = (
    select(stats.c.starts_at, stats.c.measure, stats.c.bucket, _total)
    .where(_of_span, _is_measure(*Measure), _since)
    .group_by(stats.c.starts_at, stats.c.measure, stats.c.bucket)
)


def _of_days(value: ColumnElement[Any], label: str, *measures: Measure) -> ColumnElement[Any]:
    days = type_coerce(stats.c.span, SmallInteger) == literal_column(str(code_of(Span.DAY)))
    return select(value).where(days, _is_measure(*measures)).scalar_subquery().label(label)


_STATUSES = select(
    *(_number_of(status) for status in _OPEN_STATUSES),
    *(_of_days(_total, status.lower(), measure) for status, measure in MEASURE_OF.items()),
    _of_days(func.min(stats.c.starts_at, type_=UTCDateTime()), "since", *MEASURE_OF.values()),
)
_PRUNE = delete(stats).where(
    _of_span, _is_measure(*Measure), stats.c.starts_at < bindparam("before", type_=UTCDateTime())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """How often something was counted of a handler, in one bucket."""

    handler: str
    measure: Measure
    bucket: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucketed:
    """How often something was counted in one span and one bucket, of all handlers together."""

    starts_at: datetime
    measure: Measure
    bucket: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCounts:
    """How many tasks have a status; of those that have ended, since when they are counted."""

    counts: Mapping[Status, Count]
    since: datetime | None


class Statistics:
    """Counts of what happened to tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = _adding(database.url.get_backend_name())

    async def add(self, counts: Mapping[tuple[datetime, Key], int]) -> None:
        """Add counts of minutes to those of the minute, of its hour and of its day."""
        await self._database.run(self._add, {"rows": _rows(counts)})

    async def window(self, span: Span, *, since: datetime) -> Sequence[Tallied]:
        """What was counted in the spans that start then or later."""
        rows = await self._database.read(_WINDOW, {"of_span": span, "since": since})
        return [Tallied(**row._asdict()) for row in rows]

    async def course(self, span: Span, *, since: datetime) -> Sequence[Bucketed]:
        """What was counted in each span that starts then or later, durations too, in any order."""
        rows = await self._database.read(_COURSE, {"of_span": span, "since": since})
        return [Bucketed(**row._asdict()) for row in rows]

    async def status_counts(self) -> StatusCounts:
        """Tasks by status: those that have not ended as they are now, the others as they were counted."""
        (row,) = await self._database.read(_STATUSES)
        counts = {status: Count.capped(getattr(row, status.lower())) for status in _OPEN_STATUSES}
        counts |= {status: Count(getattr(row, status.lower()) or 0) for status in MEASURE_OF}
        return StatusCounts(counts=counts, since=row.since)

    async def prune(self, *, now: datetime, days_kept: timedelta | None) -> None:
        """Remove counts that no window reaches, and those of days that ended so long ago; None keeps these for ever."""
        for span, kept in KEPT_SPANS.items():
            await self._database.run(_PRUNE, {"of_span": span, "before": now - kept})
        if days_kept is not None:
            await self._database.run(_PRUNE, {"of_span": Span.DAY, "before": now - days_kept - timedelta(days=1)})


def _adding(dialect_name: str) -> Executable:
    """An INSERT of a batch that adds to the rows that are there already."""
    batch = rows_of(
        "rows",
        "v",
        span=Code(Span),
        measure=Code(Measure),
        starts_at=UTCDateTime(),
        handler=Text(),
        priority=Code(Priority),
        bucket=SmallInteger(),
        total=BigInteger(),
    )
    insert = sqlite.insert(stats) if dialect_name == "sqlite" else postgresql.insert(stats)
    # SQLite takes the words ON CONFLICT for those of a join where the SELECT has no condition.
    adding = insert.from_select([column.name for column in batch.c], select(*batch.c).where(batch.c.total > 0))
    return adding.on_conflict_do_update(
        index_elements=list(stats.primary_key), set_={"total": stats.c.total + adding.excluded.total}
    )


def _rows(counts: Mapping[tuple[datetime, Key], int]) -> list[dict[str, object]]:
    """The rows to be added, each once, in the order of their keys: processes that lock them alike cannot deadlock."""
    totals: dict[tuple[int, int, datetime, str, int, int], int] = {}
    for (minute, (handler, priority, measure, bucket)), count in counts.items():
        for span in Span:
            key = (code_of(span), code_of(measure), span.start(minute), handler, code_of(priority), bucket)
            totals[key] = totals.get(key, 0) + count
    spans, measures, priorities = list(Span), list(Measure), list(Priority)
    return [
        {
            "span": spans[span],
            "measure": measures[measure],
            "starts_at": starts_at,
            "handler": handler,
            "priority": priorities[priority],
            "bucket": bucket,
            "total": totals[span, measure, starts_at, handler, priority, bucket],
        }
        for span, measure, starts_at, handler, priority, bucket in sorted(totals)
    ]
