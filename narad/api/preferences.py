"""What a client prefers of an answer: `Prefer` (RFC 7240), `?wait=`, and the versions that it has already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

LONGEST_WAIT_SECONDS = 55
"""Below the minute after which many proxies give an idle connection up."""

_WAIT = TypeAdapter[int](Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS)])


@dataclass(frozen=True, slots=True)
class Preferences:
    """How long to wait, 0 for not at all, and whether the answer shall do without a body."""

    wait_seconds: int = 0
    minimal: bool = False

    def applied(self, *, waited: bool, minimal: bool = False) -> Mapping[str, str]:
        """The header that says which of them were followed; none where none was."""
        followed = ["return=minimal"] if minimal else []
        followed += [f"wait={self.wait_seconds}"] if waited else []
        return {"Preference-Applied": ", ".join(followed)} if followed else {}


NO_PREFERENCES = Preferences()


def preferences_of(request: Request) -> Preferences:
    """What this request prefers. `?wait=` wins over the header; what is not understood of the header is ignored.

    Raises:
        RequestValidationError: `?wait=` is not a number within its bounds, or there is another parameter.
    """
    headers = request.headers.getlist("prefer")
    if not headers and not request.scope["query_string"]:
        return NO_PREFERENCES
    stated = _stated(headers)
    unknown = [name for name in request.query_params if name != _QUERY_WAIT["name"]]
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in unknown]
        )
    wait = request.query_params.get("wait")
    return Preferences(
        wait_seconds=_seconds(stated.get("wait", "")) if wait is None else _checked(wait),
        minimal=stated.get("return") == "minimal",
    )


def etag(version: int) -> str:
    """The entity tag of a task."""
    return f'"v{version}"'


def has_already(request: Request, version: int) -> bool:
    """Whether the client says that it has this version."""
    tags = [tag.strip() for header in request.headers.getlist("if-none-match") for tag in header.split(",")]
    return "*" in tags or etag(version) in {tag.removeprefix("W/") for tag in tags}


def _stated(headers: Iterable[str]) -> Mapping[str, str]:
    """Names and values; of a repeated one the first counts, and parameters behind a semicolon are nothing to us."""
    found: dict[str, str] = {}
    for header in headers:
        for part in header.split(","):
            name, _, value = part.partition(";")[0].partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(text: str) -> int:
    """The wait that a header asks for: a preference is followed as far as it can be."""
    if not text.isascii() or not text.isdecimal():
        return 0
    return min(int(text[:9]), LONGEST_WAIT_SECONDS)


def _checked(text: str) -> int:
    try:
        return _WAIT.validate_python(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("query", "wait")} for one in found]) from error


def _parameter(place: str, name: str, description: str, schema: Mapping[str, object]) -> dict[str, Any]:
    return {"in": place, "name": name, "description": description, "required": False, "schema": dict(schema)}


_QUERY_WAIT = _parameter(
    "query",
    "wait",
    "Seconds to wait for the end of the task, or, with `If-None-Match`, for its next change.",
    {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS, "default": 0},
)
_PREFER = _parameter("header", "Prefer", "`wait=N` does the same as the parameter.", {"type": "string"})
_PREFER_OR_MINIMAL = _parameter(
    "header",
    "Prefer",
    "`wait=N` does the same as the parameter; `return=minimal` leaves the body of the answer out.",
    {"type": "string"},
)
_IF_NONE_MATCH = _parameter(
    "header", "If-None-Match", 'The version that you have, as `"v7"`: answered with 304.', {"type": "string"}
)
READING = [_QUERY_WAIT, _PREFER, _IF_NONE_MATCH]
"""What the document says of an endpoint that reads a task."""
CREATING = [_QUERY_WAIT, _PREFER_OR_MINIMAL]
"""What it says of one that creates a task."""


def _header(description: str, type_: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": type_}}


_ETAG = {"ETag": _header('The version of the task, as `"v7"`.')}
_WAITED = {
    "Preference-Applied": _header("The preferences that were followed, such as `wait=10`."),
    "Retry-After": _header("Seconds after which to ask again; of a task that has not ended.", "integer"),
}
TAGGED: dict[str, Any] = {"headers": _ETAG}
"""The headers of an answer with one task."""
WAITED: dict[str, Any] = {"headers": _ETAG | _WAITED}
"""Those of one that can be waited for."""
CREATED: dict[str, Any] = {"headers": WAITED["headers"] | {"Location": _header("The path of the task.")}}
"""Those of the answer to a creation."""
