"""The order of routes: a path that is named, as `/tasks/batch`, is not taken by one with a parameter, `/tasks/{id}`."""

from collections.abc import Iterator, Sequence

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

_METHOD_NOT_ALLOWED = 405


class OtherMethods:
    """Refuses the methods that a path does not have, where a path with a parameter would have them."""

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(_METHOD_NOT_ALLOWED)


def in_order(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes as they are, but with such paths before the first that has a parameter."""
    plain = [route for route in routes if isinstance(route, Route)]
    takers = [route for route in plain if route.param_convertors]
    named = [one for one in plain if one not in takers and any(taker.path_regex.match(one.path) for taker in takers)]
    refusals = [Route(path, OtherMethods(), include_in_schema=False) for path in sorted({one.path for one in named})]
    for route in routes:
        if route in takers[:1]:
            yield from [*named, *refusals]
        if route not in named:
            yield route
