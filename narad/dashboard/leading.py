"""Where an action leads when it is done: to a page of ours, below the path that the service is published under."""

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER


def lead_to(request: Request, path: str) -> RedirectResponse:
    """Have the browser open that page."""
    return RedirectResponse(below_root(request, path), status_code=HTTP_303_SEE_OTHER)


def below_root(request: Request, path: str) -> str:
    """The address of a page."""
    return f"{request.scope.get('root_path', '')}{path}"
