"""Health: `/livez` says that the process turns, `/readyz` that it can do its work."""

from typing import Literal

from fastapi import APIRouter, Response, status
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from narad.api.services import UsesServices
from narad.errors import StoreUnavailableError

router = APIRouter(tags=["health"])

Readiness = TypeAliasType("Readiness", Literal["ok", "unavailable"])


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
    """Whether requests should be sent here. A broker that is away does not count: tasks are accepted without it."""
    checks = {"store": "ok", "process": "draining" if services.is_draining() else "ok"}
    try:
        await services.promptly(services.store.database.ping())
    except StoreUnavailableError as error:
        checks["store"] = str(error)
    ready = set(checks.values()) == {"ok"}
    response.status_code = status.HTTP_200_OK if ready else status.HTTP_503_SERVICE_UNAVAILABLE
    return ReadinessView(status="ok" if ready else "unavailable", checks=checks)
