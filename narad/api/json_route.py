"""The routes of the API: scope and media type are checked first, and changes are kept in the audit.

The busiest endpoints get their body by a shorter way.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from anyio import BrokenResourceError
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Send
from starlette.types import Scope as Connection
from typing_extensions import override

from narad.api import problems
from narad.api.auditing import audited
from narad.api.caller import Access, access_of, demand
from narad.api.origins import SAFE_METHODS
from narad.api.problems import Problem
from narad.domain.scopes import Scope

log = structlog.get_logger(__name__)

_JSON = "application/json"
_MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required"}

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class JsonRoute(APIRoute):
    """A route for those who have the scope that its endpoint declares by `needs`; one that declares none is for admins.

    Where it takes a body, requests must declare it as JSON: a form of another site cannot.
    """

    @property
    def access(self) -> Access:
        """What it demands."""
        return access_of(self.endpoint) or Access(Scope.ADMIN)

    @override
    def get_route_handler(self) -> Handle:
        handle = self._handler()
        scope = self.access.scope
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            demand(request, scope)
            if takes_body:
                declared = request.headers.get("content-type", "")
                if declared != _JSON and (declared or _has_body(request)):
                    _check_media_type(declared)
            return await handle(request)

        changes = not SAFE_METHODS.issuperset(self.methods or ())
        return audited(self.operation_id or self.name, checked) if changes and self.access.audited else checked

    def _handler(self) -> Handle:
        return super().get_route_handler()


class StreamRoute(JsonRoute):
    """A route to a stream.

    Where a client hangs up while the framework holds a frame for it, one of the framework's tasks fails, and takes the
    whole request with it as an error. It is none: there is nobody left to be answered.
    """

    @override
    async def handle(self, scope: Connection, receive: Receive, send: Send) -> None:
        try:
            await super().handle(scope, receive, send)
        except* BrokenResourceError:
            log.debug("stream.left", path=scope["path"])


class BodyRoute(JsonRoute):
    """A route to an endpoint of the form `(body, request) -> Response`, and nothing else.

    The framework resolves dependencies and parameters for each request, which for such an endpoint are none, and costs
    as much with it as all that the endpoint does. Documentation and errors are those of any other route.
    """

    @override
    def _handler(self) -> Handle:
        endpoint = self.endpoint
        adapter: TypeAdapter[object] = TypeAdapter(endpoint.__annotations__["body"])

        async def handle(request: Request) -> Response:
            value = parsed(await request.body())
            try:
                body = adapter.validate_python(value)
            except ValidationError as error:
                found = error.errors(include_url=False)
                raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from error
            response: Response = await endpoint(body, request)
            return response

        return handle


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_media_type(declared: str) -> None:
    media_type = declared.partition(";")[0].strip().lower()
    if media_type != _JSON:
        raise Problem(problems.UNSUPPORTED_MEDIA_TYPE, f"Content-Type is {media_type or 'missing'}.")


def parsed(body: bytes) -> object:
    """The JSON of a body.

    Raises:
        RequestValidationError: there is none.
        Problem: it is not JSON.
    """
    if not body:
        raise RequestValidationError([_MISSING])
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise Problem(problems.MALFORMED_JSON, f"{error.msg} at character {error.pos}.") from error
    except UnicodeDecodeError as error:
        raise Problem(problems.MALFORMED_JSON, "The body is not UTF-8.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand arrays in each other
        raise Problem(problems.MALFORMED_JSON, f"The body cannot be read: {error}.") from error
