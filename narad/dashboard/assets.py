"""The static files of the pages: read once, served under the hash of their content, kept by browsers for ever."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from narad.api import problems
from narad.api.problems import Problem

router = APIRouter(include_in_schema=False)

PLACE: Final = "/ui/static"
_FOLDER = files("narad.dashboard") / "static"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_HASH_DIGITS: Final = 8
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
VENDORED: Final = "vendor/VENDORED.toml"
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    content: bytes
    media_type: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VendoredFile:
    """A file of somebody else."""

    name: str
    package: str
    version: str
    source: str
    licence: str
    licence_file: str
    sha256: str


@cache
def assets() -> dict[str, Asset]:
    """Every file that is served, by its path below the folder."""
    found = {}
    for folder in ("", "vendor/"):
        for file in (_FOLDER / folder).iterdir() if folder else _FOLDER.iterdir():
            suffix = f".{file.name.rpartition('.')[2]}"
            if file.is_file() and suffix in _TYPES:
                content = file.read_bytes()
                version = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
                found[f"{folder}{file.name}"] = Asset(content, _TYPES[suffix], version)
    return found


@cache
def vendored() -> tuple[VendoredFile, ...]:
    """The files of others, with where they come from."""
    listed = tomllib.loads((_FOLDER / VENDORED).read_text(encoding="utf-8"))
    return tuple(VendoredFile(**one) for one in listed["file"])


def address_of(name: str) -> str:
    """The address of a file below the root of the service; another content has another one."""
    return f"{PLACE}/{name}?v={assets()[name].version}"


@router.get(f"{PLACE}/{{name:path}}")
async def static_file(name: str, request: Request) -> Response:
    """A static file."""
    return _answer(name, request)


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """The icon that browsers ask for unasked."""
    return _answer("favicon.ico", request)


def _answer(name: str, request: Request) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise Problem(problems.NOT_FOUND, f"There is no file {name}.")
    tag = f'"{asset.version}"'
    kept = _FOR_EVER if request.query_params.get("v") == asset.version else _ASK_AGAIN
    headers = {"Cache-Control": kept, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
