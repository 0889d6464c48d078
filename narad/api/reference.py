"""The API for people: its OpenAPI document, and Swagger UI on files of our own. Needs no network, under any path."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from narad.api import problems
from narad.api.openapi import rendered
from narad.api.problems import Problem

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent / "swagger_ui"
_PAGE: Final = "index.html"
_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
"""What is served of the folder, and as what. The page names them relative to itself, and so the document."""

_HEADERS: Final = {
    # Asked for each time, and mostly answered with 304: a file never meets one of another version.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class _Served:
    content: bytes
    media_type: str
    tag: str


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The document."""
    state = request.app.state
    if not hasattr(state, "document"):
        state.document = _served(rendered(request.app.openapi()), "application/json")
    return _answer(state.document, request)


@router.get("/docs")
async def page(request: Request) -> Response:
    """The page."""
    return _answer(_file(_PAGE, "text/html; charset=utf-8"), request)


@router.get("/docs/{name}")
async def file(name: str, request: Request) -> Response:
    """A file that the page needs."""
    if name not in _FILES:
        raise Problem(problems.NOT_FOUND, f"There is no file {name}.")
    return _answer(_file(name, _FILES[name]), request)


@cache
def _file(name: str, media_type: str) -> _Served:
    return _served((_FOLDER / name).read_bytes(), media_type)


def _served(content: bytes, media_type: str) -> _Served:
    return _Served(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _answer(served: _Served, request: Request) -> Response:
    headers = {**_HEADERS, "ETag": served.tag}
    if served.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(served.content, headers=headers, media_type=served.media_type)
