"""Failures: groups of failed tasks that are alike, and what can be done about a group: run one again, or all."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from narad.api.caller import Caller, needs
from narad.api.services import UsesCaller, UsesServices
from narad.dashboard.access import PageRoute
from narad.dashboard.desk import UsesDesk
from narad.dashboard.leading import below_root
from narad.dashboard.queries import asked
from narad.dashboard.rendering import page
from narad.domain.failures import Failure, FailureGroup, grouped
from narad.domain.scopes import Scope
from narad.domain.status import Status
from narad.store.failures import MOST_FAILURES

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH: Final = "/ui/failures"
SPANS: Final = 24
"""Bars of the sparkline of a group."""


class FailuresQuery(BaseModel):
    """Failures are shown whole: there is nothing to be chosen."""


@router.get(PATH, operation_id="failuresPage")
@needs(Scope.TASKS_READ)
async def failures_page(request: Request, services: UsesServices, caller: UsesCaller, desk: UsesDesk) -> Response:
    """The groups of failures, the largest first."""
    wanted = asked(request, FailuresQuery)
    found = await desk.counts.failures()
    failures = visible(found, caller)
    now = services.clock.now()
    return await page(
        request,
        "failures.html",
        wanted=wanted,
        groups=grouped(failures, until=now, spans=SPANS),
        number=len(failures),
        most=MOST_FAILURES,
        is_cut=is_cut(found),
        since=min((failure.finished_at for failure in failures), default=now),
        list_address=list_address(request),
        filter_text=lambda handler, error_type: urlencode(_filter(handler, error_type)),
    )


def groups_between(since: datetime, until: datetime, failures: Sequence[Failure]) -> Sequence[FailureGroup]:
    """The groups of those since then, counted until then."""
    return grouped([failure for failure in failures if failure.finished_at >= since], until=until, spans=SPANS)


def is_cut(found: Sequence[Failure]) -> bool:
    """Whether there may be more than was found, of whatever handlers."""
    return len(found) >= MOST_FAILURES


def visible(found: Sequence[Failure], caller: Caller) -> Sequence[Failure]:
    """What the caller may see of it."""
    return [failure for failure in found if caller.may_use(failure.handler)]


def list_address(request: Request) -> Callable[..., str]:
    """Makes addresses of the list of failed tasks by their handler and the type of their error."""

    def address(handler: str, error_type: str, **more: str) -> str:
        given = {**_filter(handler, error_type), **more, "sort": "-finished_at"}
        return below_root(request, f"/ui/tasks?{urlencode(given)}")

    return address


def _filter(handler: str, error_type: str) -> dict[str, str]:
    """Which tasks are meant; an empty `error_type` stands for those of which no error is known."""
    known = {"error_type": error_type} if error_type else {"has_error": "false"}
    return {"status": Status.FAILED, "handler": handler, **known}
