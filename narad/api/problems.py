"""Errors as people and programs get them: `application/problem+json` (RFC 9457), one catalogue for the whole API."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Scope

from narad.api.trace import names_of
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
UNAUTHENTICATED = Kind("unauthenticated", 401, "A key is needed.")
FORBIDDEN = Kind("forbidden", 403, "Your key does not allow this.")
ORIGIN_NOT_ALLOWED = Kind("origin-not-allowed", 403, "The request comes from another site.")
NOT_FOUND = Kind("not-found", 404, "There is no such thing.")
NO_RESULT = Kind("no-result", 404, "The task has no result.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The method is not allowed here.")
INVALID_STATE = Kind("invalid-state", 409, "The state does not allow this.")
REQUEST_TIMEOUT = Kind("request-timeout", 408, "The request did not arrive in time.")
DUPLICATE_TASK = Kind("duplicate-task", 409, "An active task has the same unique key.")
PRECONDITION_FAILED = Kind("precondition-failed", 412, "The task has changed meanwhile.")
PAYLOAD_TOO_LARGE = Kind("payload-too-large", 413, "The body is too large.")
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported-media-type", 415, "The body must be application/json.")
HOST_NOT_ALLOWED = Kind("host-not-allowed", 421, "The service does not answer to this name.")
VALIDATION_ERROR = Kind("validation-error", 422, "The request is not valid.")
UNKNOWN_HANDLER = Kind("unknown-handler", 422, "The handler is not known.")
IDEMPOTENCY_KEY_REUSED = Kind("idempotency-key-reused", 422, "The idempotency key came with another body before.")
QUOTA_EXCEEDED = Kind("quota-exceeded", 429, "There are too many requests.")
HEADERS_TOO_LARGE = Kind("headers-too-large", 431, "The head of the request is too large.")
INTERNAL = Kind("internal", 500, "Something went wrong inside the service.")
STORE_UNAVAILABLE = Kind("store-unavailable", 503, "The store cannot be reached.")
REDUCED_CAPACITY = Kind("temporary-reduced-capacity", 503, "More is asked for than can be done now.")
QUERY_TOO_SLOW = Kind("query-too-slow", 503, "The question takes the database too long.")

HTTP_ERROR = Kind("http-error", 400, "The request could not be served.")

KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
_OTHER_STATUS = {
    kind.status: kind for kind in (NOT_FOUND, METHOD_NOT_ALLOWED, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one place of a request: `pointer` into the body, or the name of a `parameter` or `header`."""

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def as_json(self) -> dict[str, Json]:
        """The members that are set."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


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

    def as_json(self, scope: Scope) -> dict[str, Json]:
        """The body of the answer to the request of this scope."""
        body: dict[str, Json] = {
            "type": f"{scope.get('root_path', '')}/problems/{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
            **self.more,
            **names_of(scope),
        }
        if self.errors:
            body["errors"] = [error.as_json() for error in self.errors]
        return body

    def response(self, scope: Scope) -> Response:
        """The answer to the request of this scope. Its texts may hold anything, so all but ASCII is escaped."""
        return Response(
            json.dumps(self.as_json(scope), ensure_ascii=True),
            status_code=self.kind.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


def of_status(status: int) -> Kind:
    """The kind for an error status that the framework raises."""
    return _OTHER_STATUS.get(status) or dataclasses.replace(HTTP_ERROR, status=status)


def pointer(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) in its form as a URI fragment, without percent-encoding."""
    return "#" + "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)
