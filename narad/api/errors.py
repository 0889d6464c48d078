"""From every exception that can reach the edge to a problem. Registered once, in `app.py`."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from narad.api import problems
from narad.api.problems import FieldError, Problem
from narad.api.trace import names_of
from narad.errors import DataRejectedError, OverloadedError, QueryTooSlowError, StoreUnavailableError

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 1
_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_RETRY_SLOW = {"Retry-After": "30", "Narad-Should-Retry": "false"}
"""The same question would take as long, and hold up others: it is for a person to ask another one."""
_BY_INDEX = {"created_at", "-created_at"}
_BAD_BODY = 400
EXPECTED = (
    Problem,
    RequestValidationError,
    HTTPException,
    StoreUnavailableError,
    QueryTooSlowError,
    OverloadedError,
    DataRejectedError,
)
"""Exceptions that reach the edge in the ordinary course of things."""


def register(app: FastAPI) -> None:
    """Answer every exception with a problem."""
    for kind in EXPECTED:
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, _answer)


def problem_of(request: Request, error: Exception) -> Problem:  # noqa: PLR0911 - one for each kind
    """The problem that an exception is answered with, by the API as by the pages; what nobody expected is logged."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return from_validation(error.errors(), _parameters(request))
        case HTTPException():
            return _http(request, error)
        case StoreUnavailableError():
            return store_unavailable(error, request.scope)
        case QueryTooSlowError():
            return _too_slow(request, error)
        case OverloadedError():
            return Problem(problems.REDUCED_CAPACITY, f"{error} Try again.", headers=_RETRY)
        case DataRejectedError():
            log.warning("api.data_rejected", reason=str(error), **names_of(request.scope))
            return Problem(problems.VALIDATION_ERROR, "The database cannot store what was sent.")
        case _:
            log.error("api.failed", method=request.method, exc_info=error, **names_of(request.scope))
            detail = "The request could not be carried out; the log of the service says why."
            return Problem(problems.INTERNAL, detail)


async def _answer(request: Request, error: Exception) -> Response:
    return problem_of(request, error).response(request.scope)


async def gone(_request: Request, _error: Exception) -> Response:
    """Answer a client that went before its body had arrived: nobody reads it."""
    return Response(status_code=_BAD_BODY)


def _http(request: Request, error: HTTPException) -> Problem:
    kind = problems.MALFORMED_JSON if error.status_code == _BAD_BODY else problems.of_status(error.status_code)
    detail = f"{request.method} {request.url.path}: {error.detail}."
    headers = dict(error.headers or {})
    if kind is problems.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return Problem(kind, detail, headers=headers)


def _methods(request: Request) -> set[str]:
    """Every method that is served at this path; the framework tells those of its first route only."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    routes = [route for route in request.app.routes if isinstance(route, Route) and route.path_regex.match(path)]
    named = [route for route in routes if not route.param_convertors]
    return {method for route in named or routes for method in route.methods or ()}


def _too_slow(request: Request, error: QueryTooSlowError) -> Problem:
    log.warning("api.query_too_slow", reason=str(error), query=request.url.query, **names_of(request.scope))
    detail = f"It would read too much of the database: {error}. {_advice(request)}"
    return Problem(problems.QUERY_TOO_SLOW, detail, headers=_RETRY_SLOW)


def _advice(request: Request) -> str:
    """What to change of a list to make it quick."""
    asked = request.query_params
    later = "a later created_after" if "created_after" in asked else "created_after, such as created_after=-24h,"
    advice = [f"Narrow it with {later}{'' if 'status' in asked else ' or with status'}"]
    if asked.get("sort", "created_at") not in _BY_INDEX:
        advice.append("sort by created_at")
    if "include" in asked:
        advice.append("leave out include=total")
    return ", or ".join(advice) + "."


def store_unavailable(error: Exception, scope: Scope) -> Problem:
    """The problem of a store that does not answer the request of this scope."""
    log.warning("api.store_unavailable", reason=str(error), **names_of(scope))
    detail = "The database does not answer. Nothing is known to have changed; try again."
    return Problem(problems.STORE_UNAVAILABLE, detail, headers=_RETRY)


def from_validation(errors: Sequence[Mapping[str, Any]], known_parameters: Sequence[str]) -> Problem:
    """The problem that tells of validation errors as Pydantic lists them."""
    for error in errors:
        if error["type"] == "json_invalid":
            return Problem(problems.MALFORMED_JSON, f"{error['ctx']['error']} at character {error['loc'][-1]}.")
        if error["type"] == "extra_forbidden" and error["loc"][0] == "query":
            return _unknown_parameter(str(error["loc"][-1]), known_parameters)
    fields = [_field_error(error) for error in errors]
    count = "1 field is" if len(fields) == 1 else f"{len(fields)} fields are"
    return Problem(problems.VALIDATION_ERROR, f"{count} not valid.", errors=fields)


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that looks most like `name`, where one does."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place, *path = error["loc"]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if place == "body":
        return FieldError(detail=detail, code=error["type"], pointer=problems.pointer(path))
    return FieldError(detail=detail, code=error["type"], parameter=str(path[0] if path else place))


def _unknown_parameter(name: str, known: Sequence[str]) -> Problem:
    close = nearest(name, known)
    hint = f" Did you mean {close}?" if close else f" Known are: {', '.join(known)}."
    error = FieldError(detail="is not a known parameter", code="unknown", parameter=name)
    return Problem(problems.UNKNOWN_PARAMETER, f"There is no parameter {name}.{hint}", errors=[error], nearest=close)


def _parameters(request: Request) -> list[str]:
    """The query parameters of the endpoint, in the order of the document."""
    route = request.scope.get("route")
    schema = request.app.openapi()["paths"].get(getattr(route, "path", ""), {}).get(request.method.lower(), {})
    return [parameter["name"] for parameter in schema.get("parameters", []) if parameter["in"] == "query"]
