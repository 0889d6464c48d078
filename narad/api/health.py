"""Health: `/livez` says that the process turns, `/readyz` that it can do its work."""

from typing import Literal

from fastapi import APIRouter, Response, status
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from narad.api.readiness import OK
from narad.api.services import UsesServices

router = APIRouter(tags=["health"])

Readiness = TypeAliasType("Readiness", Literal["ok", "degraded", "unavailable"])


class LivenessView(BaseModel):
    """The process turns."""

    status: Literal["ok"]


class ReadinessView(BaseModel):
    """Whether the process can do its work: what each check found is `ok` or the reason why not."""

    status: Readiness
    checks: dict[str, str]


@router.get("/livez", operation_id="getLiveness")
async def livez() -> LivenessView:
    """Answers as long as the event loop turns; asks nobody."""
    return LivenessView(status="ok")


@router.get(
    "/readyz",
    operation_id="getReadiness",
    responses={503: {"description": "Not ready; `checks` says why.", "model": ReadinessView}},
)
async def readyz(services: UsesServices, response: Response) -> ReadinessView:
    """Whether requests should be sent here. Without the broker it is degraded, and ready: tasks are accepted."""
    checks, others = await services.readiness.checks(), services.readiness.others()
    ready = set(checks.values()) == {OK}
    response.status_code = status.HTTP_200_OK if ready else status.HTTP_503_SERVICE_UNAVAILABLE
    degraded = set(others.values()) - {OK}
    return ReadinessView(
        status="unavailable" if not ready else "degraded" if degraded else "ok", checks={**checks, **others}
    )
