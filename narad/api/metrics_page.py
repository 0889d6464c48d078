"""`/metrics` among the other routes of an API."""

from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from narad.api.answers import PROBLEM_ANSWER
from narad.api.caller import demand
from narad.api.metrics_app import PATH
from narad.api.services import UsesServices
from narad.domain.scopes import Scope
from narad.metrics import CONTENT_TYPE

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
