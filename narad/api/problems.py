"""Errors as people and programs get them: `application/problem+json` (RFC 9457), one catalogue for the whole API."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from narad.domain.task import Json


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of problem: `slug` names it in its URL, `title` says the same to everyone who meets it."""

    slug: str
    status: int
    title: str

    @property
    def code(self) -> str:
        """What programs branch on."""
        return self.slug.replace("-", "_")


MALFORMED_JSON = Kind("malformed-json", 400, "The body is not JSON.")
UNKNOWN_PARAMETER = Kind("unknown-parameter", 400, "A parameter is not known.")
INVALID_CURSOR = Kind("invalid-cursor", 400, "The cursor is not valid.")
NOT_FOUND = Kind("not-found", 404, "There is no such thing.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The method is not allowed here.")
INVALID_STATE = Kind("invalid-state", 409, "The task is not in a state for this.")
PAYLOAD_TOO_LARGE = Kind("payload-too-large", 413, "The body is too large.")
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported-media-type", 415, "The body must be application/json.")
VALIDATION_ERROR = Kind("validation-error", 422, "The request is not valid.")
UNKNOWN_HANDLER = Kind("unknown-handler", 422, "The handler is not known.")
INTERNAL = Kind("internal", 500, "Something went wrong inside the service.")
STORE_UNAVAILABLE = Kind("store-unavailable", 503, "The store cannot be reached.")
REDUCED_CAPACITY = Kind("temporary-reduced-capacity", 503, "More is asked for than can be done now.")

KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
_OTHER_STATUS = {
    kind.status: kind for kind in (NOT_FOUND, METHOD_NOT_ALLOWED, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one place of a request: `pointer` into the body, or the name of a `parameter`."""

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The members that are set."""
        fields = {"detail": self.detail, "code": self.code, "pointer": self.pointer, "parameter": self.parameter}
        return {name: value for name, value in fields.items() if value is not None}


class Problem(Exception):  # noqa: N818 - the name of the standard
    """Raised anywhere below an endpoint to answer with a problem."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **more: Json,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = more

    def response(self, root_path: str = "") -> Response:
        """The answer. Texts of the request may hold anything, so all but ASCII is escaped."""
        body: dict[str, Any] = {
            "type": f"{root_path}/problems/{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
            **self.more,
        }
        if self.errors:
            body["errors"] = [error.as_json() for error in self.errors]
        return Response(
            json.dumps(body, ensure_ascii=True),
            status_code=self.kind.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


def of_status(status: int) -> Kind:
    """The kind for an error status that the framework raises."""
    return _OTHER_STATUS.get(status) or Kind("http-error", status, HTTPStatus(status).phrase)


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) in its form as a URI fragment, without percent-encoding."""
    return "#" + "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)
