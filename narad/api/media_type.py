"""Bodies are JSON and say so: checked before a body is looked into, at no cost to speak of."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from typing_extensions import override

from narad.api import problems
from narad.api.problems import Problem

_JSON = "application/json"


class JsonRoute(APIRoute):
    """A route whose requests, where it takes a body, must declare it as JSON."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def checked(request: Request) -> Response:
            declared = request.headers.get("content-type", "")
            if declared != _JSON and (media_type := declared.partition(";")[0].strip().lower()) != _JSON:
                raise Problem(problems.UNSUPPORTED_MEDIA_TYPE, f"Content-Type is {media_type or 'missing'}.")
            return await handle(request)

        return checked
