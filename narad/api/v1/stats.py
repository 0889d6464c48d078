"""The endpoint of statistics: read from counts that every process adds to, never from tasks that have ended."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from narad.api.answers import problem_answers
from narad.api.caller import needs
from narad.api.fleet_schemas import (
    CountView,
    FiguresView,
    HandlerFiguresView,
    PercentilesView,
    StatsQuery,
    StatsView,
)
from narad.api.json_route import JsonRoute
from narad.api.services import Services, UsesServices
from narad.domain.histogram import percentile
from narad.domain.scopes import Scope
from narad.domain.statistics import TIMED, Measure, Span
from narad.store.statistics import StatusCounts, Tallied

router = APIRouter(prefix="/api/v1/stats", tags=["stats"], route_class=JsonRoute)

_WINDOWS: Mapping[str, tuple[Span, timedelta]] = {
    "5m": (Span.MINUTE, timedelta(minutes=5)),
    "1h": (Span.MINUTE, timedelta(hours=1)),
    "24h": (Span.HOUR, timedelta(hours=24)),
}
_ENDS = (Measure.COMPLETED, Measure.FAILED, Measure.CANCELLED)


@dataclass(frozen=True)
class Figures:
    """Counts of a window: of what happened, and of durations by bucket."""

    counts: defaultdict[Measure, int] = field(default_factory=lambda: defaultdict(int))
    buckets: defaultdict[Measure, defaultdict[int, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    def add(self, tallied: Tallied) -> None:
        """Add one count."""
        if tallied.measure in TIMED:
            self.buckets[tallied.measure][tallied.bucket] += tallied.total
        else:
            self.counts[tallied.measure] += tallied.total

    def fields(self, seconds: float) -> dict[str, Any]:
        """The fields of their view, for a window that is so long."""
        counts = self.counts
        return {
            "created": counts[Measure.CREATED],
            "completed": counts[Measure.COMPLETED],
            "failed": counts[Measure.FAILED],
            "cancelled": counts[Measure.CANCELLED],
            "created_per_second": round(counts[Measure.CREATED] / seconds, 4),
            "finished_per_second": round(sum(counts[measure] for measure in _ENDS) / seconds, 4),
            "wait_seconds": _percentiles(self.buckets[Measure.WAIT]),
            "run_seconds": _percentiles(self.buckets[Measure.RUN]),
        }


@router.get("", operation_id="getStats", responses=problem_answers(400))
@needs(Scope.QUEUES_READ)
async def get_stats(query: Annotated[StatsQuery, Query()], services: UsesServices) -> StatsView:
    """Read how many tasks there are by status, and what happened of late, overall and by handler."""
    return await services.promptly(read_stats(services, query.window))


async def read_stats(services: Services, window: str, *, counted: StatusCounts | None = None) -> StatsView:
    """The statistics of a window that ends now; `counted` are the tasks by status, where they are known."""
    now = services.clock.now()
    since, tallied = await _window(services, window, now)
    statuses = counted or await services.store.statistics.status_counts()
    overall, of_handler = _gathered(tallied)
    return StatsView(
        window=window,
        since=since,
        until=now,
        statuses={status: CountView.model_validate(count) for status, count in statuses.counts.items()},
        counted_since=statuses.since,
        overall=FiguresView(**overall.fields((now - since).total_seconds())),
        handlers=[view for _, view in sorted(_by_handler(of_handler, now - since).items())],
    )


async def read_handler_figures(services: Services, window: str) -> dict[str, HandlerFiguresView]:
    """What happened to the tasks of each handler in a window that ends now, by its name."""
    now = services.clock.now()
    since, tallied = await _window(services, window, now)
    return _by_handler(_gathered(tallied)[1], now - since)


def _by_handler(of_handler: Mapping[str, Figures], length: timedelta) -> dict[str, HandlerFiguresView]:
    seconds = length.total_seconds()
    return {name: HandlerFiguresView(handler=name, **found.fields(seconds)) for name, found in of_handler.items()}


async def _window(services: Services, window: str, now: datetime) -> tuple[datetime, Sequence[Tallied]]:
    """The start of a window that ends now, and what was counted since then."""
    span, length = _WINDOWS[window]
    since = span.start(now - length)
    return since, await services.store.statistics.window(span, since=since)


def _gathered(tallied: Sequence[Tallied]) -> tuple[Figures, Mapping[str, Figures]]:
    """The figures of all together, and of each handler."""
    overall, of_handler = Figures(), defaultdict[str, Figures](Figures)
    for one in tallied:
        overall.add(one)
        of_handler[one.handler].add(one)
    return overall, of_handler


def _percentiles(buckets: Mapping[int, int]) -> PercentilesView:
    return PercentilesView(p50=percentile(buckets, 0.5), p95=percentile(buckets, 0.95), p99=percentile(buckets, 0.99))
