"""What the service says of an error (RFC 9457), and what an answer says beside its body."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from narad.client.words import Json

_KNOWN = {"type", "title", "status", "detail", "code", "request_id", "errors"}
_LONGEST_EXCERPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How the service answered, and how many tries it took before."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    retries: int = 0

    @property
    def request_id(self) -> str | None:
        """What the log of the service calls the request."""
        return self.headers.get("x-request-id")

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to ask again, where the service said so."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdecimal() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one place of a request."""

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    @property
    def place(self) -> str:
        """Where it is."""
        return self.pointer or self.parameter or self.header or "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as the service tells of it. Programs branch on `code`."""

    status: int
    code: str
    title: str
    detail: str
    type: str = "about:blank"
    request_id: str | None = None
    errors: tuple[FieldError, ...] = ()
    more: Mapping[str, Json] = field(default_factory=dict)
    """What this kind of problem says besides, such as `nearest` or `existing_task`."""

    @property
    def text(self) -> str:
        """One line with all that people need."""
        places = "; ".join(f"{error.place}: {error.detail}" for error in self.errors)
        where = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.detail}{f' [{places}]' if places else ''}{where}"


def problem_of(response: Response, body: bytes) -> Problem:
    """The problem in an answer; also where something between us and the service gave the answer."""
    try:
        said = json.loads(body)
        fields = {name: said[name] for name in ("title", "detail", "code")}
    except (ValueError, TypeError, KeyError):
        return _foreign(response, body)
    return Problem(
        status=response.status,
        type=str(said.get("type", "about:blank")),
        request_id=said.get("request_id") or response.request_id,
        errors=tuple(_field_error(error) for error in said.get("errors", ())),
        more={name: value for name, value in said.items() if name not in _KNOWN},
        **fields,
    )


def _field_error(said: Mapping[str, Json]) -> FieldError:
    names = ("pointer", "parameter", "header")
    places = {name: said.get(name) for name in names}
    return FieldError(detail=str(said.get("detail", "is not valid")), code=str(said.get("code", "")), **places)


def _foreign(response: Response, body: bytes) -> Problem:
    text = body.decode(errors="replace").strip()
    excerpt = f": {text[:_LONGEST_EXCERPT]}" if text else ""
    return Problem(
        status=response.status,
        code="http_error",
        title="The answer is none of Narad's.",
        detail=f"HTTP status {response.status} from something that is not Narad, such as a proxy{excerpt}",
        request_id=response.request_id,
    )
