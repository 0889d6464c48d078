"""The application: routers, errors and limits put together."""

from collections.abc import Collection
from functools import partial

from fastapi import FastAPI

import narad
from narad.api import errors, health, metrics_page, problem_pages, reference
from narad.api.gate import PROBES, Gate
from narad.api.limits import BodyLimit
from narad.api.named_paths import in_order
from narad.api.openapi import Document, document_of
from narad.api.origins import HostGuard
from narad.api.rate_limits import RateLimiter
from narad.api.services import Services
from narad.api.site import Site, SiteSwitch
from narad.api.v1 import actions, audit, bulk_operations, events, handlers, keys, logs, queues, stats, tasks, workers
from narad.domain.rate import RatePolicy

_ROUTERS = (
    tasks.creating,
    tasks.creating_many,
    tasks.router,
    actions.router,
    logs.router,
    bulk_operations.router,
    handlers.router,
    queues.router,
    workers.router,
    stats.router,
    events.router,
    health.router,
    metrics_page.router,
    keys.router,
    audit.router,
    problem_pages.router,
    reference.router,
)
"""In the order in which they are asked: the busiest first."""
_BATCH = f"{tasks.PREFIX}/batch"
ROUTES = tuple(in_order([route for router in _ROUTERS for route in router.routes]))
"""In one list: routes of included routers would be matched several times over for each request."""


def create_app(
    services: Services,
    *,
    max_body_bytes: int,
    max_batch_bytes: int,
    allowed_hosts: Collection[str] = (),
    rate: RatePolicy | None = None,
    open_paths: Collection[str] = PROBES,
    site: Site | None = None,
) -> FastAPI:
    """The ASGI application over these services, with the largest body of a batch and of any other request.

    Without keys it answers to `allowed_hosts` besides the names of loopback; `rate` is for keys without their own, and
    `open_paths` are for everybody. `site` has the pages for people, behind the same gate.
    """
    app = FastAPI(title="Narad", version=narad.__version__, openapi_url=None, routes=[*ROUTES])
    app.state.services = services
    errors.register(app)
    if site is not None:
        app.add_middleware(SiteSwitch, site=site)
    app.add_middleware(BodyLimit, most_bytes=max_body_bytes, of_path={_BATCH: max_batch_bytes})
    app.add_middleware(  # the last one added is the first one met
        Gate,
        services=services,
        guard=HostGuard(allowed_hosts),
        limiter=RateLimiter(services.clock, default=rate),
        open_paths=open_paths,
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign] # FastAPI's documented way to extend it
    return app


def _document(app: FastAPI) -> Document:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = document_of(app.routes)
    return app.openapi_schema
