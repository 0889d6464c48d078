"""The overview: how many tasks have which status, what happened of late, what waits, what fails, and who works."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from narad.api.caller import Caller, needs
from narad.api.services import Services, UsesCaller, UsesServices
from narad.dashboard.access import PageRoute, PublicRoute
from narad.dashboard.course import RANGES, Course, Range, Stretch, course_of
from narad.dashboard.desk import UsesDesk
from narad.dashboard.formatting import iso
from narad.dashboard.leading import below_root
from narad.dashboard.pages.failures import groups_between, is_cut, list_address, visible
from narad.dashboard.queries import address_with, asked
from narad.dashboard.rendering import page
from narad.domain.failures import Failure
from narad.domain.fleet import RunningTask
from narad.domain.scopes import Scope
from narad.store.failures import MOST_FAILURES

router = APIRouter(include_in_schema=False, route_class=PageRoute)
root = APIRouter(include_in_schema=False, route_class=PublicRoute)

MOST_GROUPS: Final = 5
MOST_RUNNING: Final = 10
_MOST_LOOKED_AT: Final = 200
"""Running tasks among which are those of the handlers that a key is for."""

ChartName = Literal["throughput", "waiting", "running"]
_VALUES: Final[dict[ChartName, Callable[[Stretch], Sequence[float | None]]]] = {
    "throughput": lambda one: (one.completed, one.failed),
    "waiting": lambda one: one.wait,
    "running": lambda one: one.run,
}
_HEADS: Final[dict[ChartName, tuple[str, ...]]] = {
    "throughput": ("starts_at", "completed", "failed"),
    "waiting": ("starts_at", "p50_seconds", "p95_seconds"),
    "running": ("starts_at", "p50_seconds", "p95_seconds"),
}


class OverviewQuery(BaseModel):
    """Which time the overview looks back on."""

    model_config = ConfigDict(extra="forbid")

    range: Literal["15m", "1h", "24h", "7d"] = "1h"


@root.get("/")
async def to_overview(request: Request) -> Response:
    """Lead whoever comes to the address alone to the overview."""
    return RedirectResponse(below_root(request, "/ui"))


@router.get("/ui", operation_id="overviewPage")
@needs(Scope.QUEUES_READ)
async def overview_page(request: Request, services: UsesServices, caller: UsesCaller, desk: UsesDesk) -> Response:
    """The overview."""
    wanted = asked(request, OverviewQuery)
    chosen, now = RANGES[wanted.query.range], services.clock.now()
    counts = (await desk.counts.statuses()).counts
    load = await services.promptly(services.store.load.look(now=now))
    since = chosen.starts(now)[0]
    course = await services.promptly(_course(services, chosen, now))
    reads_tasks = Scope.TASKS_READ in caller.scopes
    failures: Sequence[Failure] = await desk.counts.failures() if reads_tasks else ()
    return await page(
        request,
        "overview.html",
        wanted=wanted,
        counts=counts,
        is_empty=not load.has_tasks and not any(count.value for count in counts.values()),
        load=load,
        course=course,
        per_minute=course.ended / ((now - since) / timedelta(minutes=1)) if now > since else 0,
        charts={name: _chart(name, course) for name in _VALUES},
        groups=groups_between(since, now, visible(failures, caller))[:MOST_GROUPS],
        most_failures=MOST_FAILURES,
        failures_are_cut=is_cut(failures),
        running=await _running(services, caller) if reads_tasks else (),
        ranges=[(one, address_with(request, {"range": one.name})) for one in RANGES.values()],
        chosen=chosen,
        now=now,
        once=str(uuid4()),
        list_address=list_address(request),
        base=str(request.base_url).rstrip("/"),
        status_address=(lambda status: below_root(request, f"/ui/tasks?status={status}")) if reads_tasks else None,
        interval=lambda start: below_root(request, f"/ui/tasks?{_ended_within(start, chosen)}"),
    )


@router.get("/ui/charts/{name}.csv", operation_id="chartNumbers")
@needs(Scope.QUEUES_READ)
async def chart_numbers(name: Annotated[ChartName, Path()], request: Request, services: UsesServices) -> Response:
    """The numbers of a chart, for a spreadsheet."""
    chosen = RANGES[asked(request, OverviewQuery).query.range]
    course = await services.promptly(_course(services, chosen, services.clock.now()))
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_HEADS[name])
    rows.writerows([iso(one.starts_at), *_VALUES[name](one)] for one in course.stretches)
    headers = {"Content-Disposition": f'attachment; filename="narad-{name}-{chosen.name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv", headers=headers | {"Cache-Control": "private, no-store"})


async def _course(services: Services, chosen: Range, now: datetime) -> Course:
    starts = chosen.starts(now)
    return course_of(await services.store.statistics.course(chosen.span, since=starts[0]), starts)


def _chart(name: ChartName, course: Course) -> dict[str, Any]:
    """The points of a chart, and the rows of its table: the latest first, without those in which nothing happened."""
    values = [(one.starts_at, tuple(_VALUES[name](one))) for one in course.stretches]
    lines = zip(*(row for _, row in values), strict=True)
    points = [[start.timestamp() for start, _ in values], *map(list, lines)]
    return {"points": points, "rows": [(start, *row) for start, row in reversed(values) if any(row)]}


async def _running(services: Services, caller: Caller) -> Sequence[RunningTask]:
    most = _MOST_LOOKED_AT if caller.handlers else MOST_RUNNING
    found = await services.promptly(services.store.load.longest_running(most=most))
    return [task for task in found if caller.may_use(task.handler)][:MOST_RUNNING]


def _ended_within(start: datetime, chosen: Range) -> str:
    """The filters of the list of what ended in a span."""
    return urlencode(
        [
            ("status", "COMPLETED"),
            ("status", "FAILED"),
            ("finished_after", iso(start)),
            ("finished_before", iso(start + chosen.length)),
            ("sort", "-finished_at"),
        ]
    )
