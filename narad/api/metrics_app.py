"""`/metrics` alone, for a process that serves nothing else; it takes no more than Starlette."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from narad.metrics import CONTENT_TYPE

PATH: Final = "/metrics"


def metrics_app(render: Callable[[], bytes]) -> ASGIApp:
    """An application that answers this one path."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        if request.url.path != PATH or request.method not in {"GET", "HEAD"}:
            await PlainTextResponse(f"GET {PATH}\n", status_code=404)(scope, receive, send)
            return
        await Response(render(), media_type=CONTENT_TYPE)(scope, receive, send)

    return app
