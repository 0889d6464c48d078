"""`/metrics`, in an API among its other routes, and alone in a process without one."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from starlette.requests import Request as PlainRequest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from narad.api.answers import PROBLEM_ANSWER
from narad.api.caller import demand
from narad.api.services import UsesServices
from narad.domain.scopes import Scope
from narad.metrics import CONTENT_TYPE

PATH = "/metrics"

router = APIRouter(tags=["health"])


@router.get(
    PATH,
    operation_id="getMetrics",
    response_class=PlainTextResponse,
    responses={401: PROBLEM_ANSWER, 403: PROBLEM_ANSWER},
)
async def get_metrics(request: Request, services: UsesServices) -> Response:
    """Read the metrics of this process as Prometheus scrapes them; `NARAD_METRICS_ACCESS` says who may."""
    if not services.metrics_are_open:
        demand(request, Scope.METRICS_READ)
    return Response(services.metrics.render(), media_type=CONTENT_TYPE)


def metrics_app(render: Callable[[], bytes]) -> ASGIApp:
    """An application that answers this one path."""

    async def app(scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = PlainRequest(scope)
        if request.url.path != PATH or request.method not in {"GET", "HEAD"}:
            await PlainTextResponse(f"GET {PATH}\n", status_code=404)(scope, receive, send)
            return
        await Response(render(), media_type=CONTENT_TYPE)(scope, receive, send)

    return app
