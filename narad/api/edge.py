"""The outermost layer: every request gets an id, every answer tells it, and how long each took is noted."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from narad.api import request_id
from narad.api.root_path import path_of
from narad.metrics import RequestTimes

_API = "/api/"
_VARY = (b"vary", b"Authorization")
"""Answers of the API depend on who asks: what a key may not read is null, and some tasks are not there for it."""


class Edge:
    """Wraps the application. What it costs is paid by every request."""

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self._app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = perf_counter()
        own = [(request_id.HEADER, request_id.name(scope))]
        if path_of(scope).startswith(_API):
            own.append(_VARY)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *own]
                route = getattr(scope.get("route"), "path_format", None)
                self._times.add(scope["method"], route, message["status"], perf_counter() - began_at)
            await send(message)

        await self._app(scope, receive, named)
