"""Errors as people get them: a page, or a part of one where a part was asked for. Same problems as the API's."""

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from narad.api import problems
from narad.api.errors import EXPECTED, gone, problem_of
from narad.dashboard.rendering import answer
from narad.dashboard.standing import Standing


def register(app: FastAPI) -> None:
    """Answer every exception with a page."""
    for kind in (*EXPECTED, Exception):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(ClientDisconnect, gone)


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(request, error)
    # What stands in the layout is not asked for: the database may be what is away.
    standing = Standing(store=problem.kind is not problems.STORE_UNAVAILABLE)
    response = answer(request, "error.html", standing, status=problem.kind.status, problem=problem)
    for name, value in problem.headers.items():
        response.headers[name] = value
    return response
