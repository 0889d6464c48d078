"""Health: `/livez` says that the process turns, `/readyz` that it can do its work."""

from fastapi import APIRouter, Response, status

from narad.api.services import UsesServices
from narad.errors import StoreUnavailableError

router = APIRouter(tags=["health"])


@router.get("/livez", operation_id="getLiveness")
async def livez() -> dict[str, str]:
    """Answers as long as the event loop turns; asks nobody."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="getReadiness",
    responses={503: {"description": "Not ready; `checks` says why.", "model": dict[str, str | dict[str, str]]}},
)
async def readyz(services: UsesServices, response: Response) -> dict[str, str | dict[str, str]]:
    """Whether requests should be sent here. A broker that is away does not count: tasks are accepted without it."""
    checks = {"store": "ok", "process": "draining" if services.is_draining() else "ok"}
    try:
        await services.promptly(services.store.database.ping())
    except StoreUnavailableError as error:
        checks["store"] = str(error)
    ready = set(checks.values()) == {"ok"}
    response.status_code = status.HTTP_200_OK if ready else status.HTTP_503_SERVICE_UNAVAILABLE
    return {"status": "ok" if ready else "unavailable", "checks": checks}
