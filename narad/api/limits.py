"""The largest body. Starlette has such a limit too, but its answer is plain text and cannot be replaced."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from narad.api import problems
from narad.api.problems import Problem
from narad.api.root_path import path_of


class BodyTooLargeError(HTTPException):
    """More of the body has arrived than is allowed; raised where the body is read."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(413, f"more than {most_bytes} bytes")


class BodyLimit:
    """Refuses bodies above a limit: at once where the request says so, else when that much has arrived."""

    def __init__(self, app: ASGIApp, most_bytes: int, of_path: Mapping[str, int]) -> None:
        """`most_bytes` is the limit, but for the paths in `of_path`."""
        self._app = app
        self._most_bytes = most_bytes
        self._of_path = of_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most_bytes = self._of_path.get(path_of(scope), self._most_bytes)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > most_bytes:
            detail = f"The body has {announced} bytes; at most {most_bytes} are taken."
            await Problem(problems.PAYLOAD_TOO_LARGE, detail).response(scope)(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > most_bytes:
                raise BodyTooLargeError(most_bytes)
            return message

        await self._app(scope, counted, send)
