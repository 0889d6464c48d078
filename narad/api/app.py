"""The application: routers, errors and limits put together."""

from collections.abc import Collection
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import narad
from narad.api import errors, health, problem_pages
from narad.api.answers import PROBLEM_ANSWER
from narad.api.event_schemas import EventView
from narad.api.gate import Gate
from narad.api.json_route import JsonRoute
from narad.api.limits import BodyLimit
from narad.api.origins import HostGuard
from narad.api.rate_limits import RateLimiter
from narad.api.schemas import ProblemView
from narad.api.services import Services
from narad.api.v1 import actions, audit, bulk_operations, events, handlers, keys, queues, stats, tasks, workers
from narad.domain.rate import RatePolicy

_DESCRIPTION = "Hand over work with one request; it is stored, run by a worker, and its outcome kept."
_ROUTERS = (
    tasks.creating,
    tasks.router,
    actions.router,
    bulk_operations.router,
    handlers.router,
    queues.router,
    workers.router,
    stats.router,
    events.router,
    health.router,
    keys.router,
    audit.router,
    problem_pages.router,
)
"""In the order in which they are asked: the busiest first."""
_BATCH = f"{tasks.PREFIX}/batch"


def create_app(
    services: Services,
    *,
    max_body_bytes: int,
    max_batch_bytes: int,
    allowed_hosts: Collection[str] = (),
    rate: RatePolicy | None = None,
) -> FastAPI:
    """The ASGI application over these services, with the largest body of a batch and of any other request.

    Without keys it answers to `allowed_hosts` besides the names of loopback; `rate` is for keys without their own.
    """
    app = FastAPI(
        title="Narad",
        version=narad.__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # Routes of included routers would be matched several times over for each request.
        routes=[route for router in _ROUTERS for route in router.routes],
    )
    app.state.services = services
    errors.register(app)
    app.add_middleware(BodyLimit, most_bytes=max_body_bytes, of_path={_BATCH: max_batch_bytes})
    app.add_middleware(  # the last one added is the first one met
        Gate, services=services, guard=HostGuard(allowed_hosts), limiter=RateLimiter(services.clock, default=rate)
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign] # FastAPI's documented way to extend it
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the schema that every problem refers to."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= {"ProblemView": schema} | _schemas_of_events()
        _document_access(app, document)
        _describe_streams(document)
        app.openapi_schema = document
    return app.openapi_schema


_REFUSALS = {
    "401": "No key, or one that is good for nothing.",
    "403": "The key lacks the scope, or another site is behind the request.",
    "421": "A service without keys does not answer to this name.",
    "429": "More requests than the rate limit allows; `Retry-After` says when to try again.",
}


def _document_access(app: FastAPI, document: dict[str, Any]) -> None:
    """Say of every endpoint which scope it demands, and how it refuses."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "nrd_…"}}
    refusals = {code: {**PROBLEM_ANSWER, "description": text} for code, text in _REFUSALS.items()}
    for route in app.routes:
        if isinstance(route, JsonRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                operation["security"] = [{"key": []}, {}]
                operation["x-required-scope"] = route.access.scope
                operation["responses"] = {**refusals, **operation["responses"]}


def _schemas_of_events() -> dict[str, Any]:
    schema = EventView.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = schema.pop("$defs")
    return {"EventView": schema, **parts}


def _describe_streams(document: dict[str, Any]) -> None:
    """Say what streams are made of in words of OpenAPI 3.1, which the document is; the framework uses one of 3.2."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    if "itemSchema" in content:
                        item = content.pop("itemSchema")
                        item["properties"]["data"] |= {
                            "contentMediaType": "application/json",
                            "contentSchema": {"$ref": "#/components/schemas/EventView"},
                        }
                        content |= {"schema": {"type": "string"}, "x-itemSchema": item}
