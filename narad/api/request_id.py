"""X-Request-ID: what a client calls its request, or what we call it, is in the answer, in problems and in the log.

It is not a context variable: a batch that several requests share would be logged under the id of one of them.
"""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from narad.ids import new_id

HEADER: Final = b"x-request-id"
_FORM = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


class RequestIds:
    """Gives every request an id, the outermost layer of the application: no answer is without it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = next((value for name, value in scope["headers"] if name == HEADER), b"")
        if not _FORM.fullmatch(request_id):
            request_id = str(new_id()).encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
            await send(message)

        await self._app(scope, receive, named)


def request_id_of(scope: Scope) -> str | None:
    """The id of the request of this scope; None where no layer gave it one."""
    state = scope.get("state") or {}
    found: str | None = state.get("request_id")
    return found
