"""The system: whether everything is there, how it is set, and what it is made of."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from fastapi import APIRouter, Request, Response

import narad
from narad.api.caller import needs
from narad.api.fleet_schemas import WorkerQuery
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.task_query import LARGEST_PAGE
from narad.api.v1.workers import read_workers
from narad.dashboard.access import PageRoute
from narad.dashboard.assets import vendored
from narad.dashboard.desk import UsesDesk
from narad.dashboard.rendering import page
from narad.domain.fleet import ServiceLoad
from narad.domain.scopes import Scope
from narad.errors import StoreUnavailableError

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH: Final = "/ui/system"
_LIBRARIES: Final = ("fastapi", "uvicorn", "sqlalchemy", "asyncpg", "aio-pika", "pydantic", "jinja2", "babel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How the service is. The clock of the store is `clock_ahead_seconds` ahead of this machine's."""

    checks: Mapping[str, str]
    load: ServiceLoad | None
    clock_ahead_seconds: float
    database: str


@router.get(PATH, operation_id="systemPage")
@needs(Scope.WORKERS_READ)
async def system_page(request: Request, services: UsesServices, desk: UsesDesk) -> Response:
    """The system."""
    found = await _look(services)
    return await page(
        request,
        "system.html",
        found=found,
        now=services.clock.now(),
        version=narad.__version__,
        libraries=[(name, _version(name)) for name in _LIBRARIES],
        vendored=vendored(),
        settings=desk.settings,
    )


@router.get(PATH + "/diagnostics", operation_id="downloadDiagnostics")
@needs(Scope.ADMIN)
async def diagnostics(services: UsesServices, caller: UsesCaller, desk: UsesDesk) -> Response:
    """What whoever is asked for help wants to know, as a file; nothing secret is in it, and nothing of any task."""
    found, now = await _look(services), services.clock.now()
    workers = await services.promptly(read_workers(services, WorkerQuery(limit=LARGEST_PAGE), caller))
    bundle = {
        "made_at": now.isoformat(),
        "narad": narad.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "checks": dict(found.checks),
        "database": found.database,
        "clock_ahead_seconds": found.clock_ahead_seconds,
        "relay_backlog": None if found.load is None else _backlog(found.load),
        "workers": [one.model_dump(mode="json", exclude={"tasks"}) for one in workers.items],
        "settings": {one.variable: one.value for one in desk.settings},
    }
    name = f"narad-diagnostics-{now:%Y%m%dT%H%M%SZ}.json"
    return Response(
        json.dumps(bundle, ensure_ascii=False, indent=2),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
    )


async def _look(services: Services) -> Found:
    """How the service is; with a store that is away, what can be told without it."""
    readiness = services.readiness
    checks = {**await readiness.checks(), **readiness.others()}
    load = None
    try:
        load = await services.promptly(services.store.load.look(now=services.clock.now()))
    except StoreUnavailableError as error:
        checks["store"] = str(error)
    return Found(
        checks=checks,
        load=load,
        clock_ahead_seconds=round((services.clock.now() - datetime.now(UTC)).total_seconds(), 3) + 0.0,  # no -0.0
        database="SQLite" if services.store.database.is_sqlite else "PostgreSQL",
    )


def _backlog(load: ServiceLoad) -> dict[str, object]:
    return {
        "value": load.due.value,
        "relation": load.due.relation,
        "oldest_due_at": None if load.due_since is None else load.due_since.isoformat(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
