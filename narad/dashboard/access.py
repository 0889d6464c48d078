"""Who opens a page: the sender that the gate knows, or the holder of a session. Pages demand scopes as the API does."""

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.status import HTTP_303_SEE_OTHER, HTTP_401_UNAUTHORIZED
from typing_extensions import override

from narad.api import problems
from narad.api.auditing import audited
from narad.api.caller import Access, Caller, access_of, admit, demand
from narad.api.gate import address_of, is_within
from narad.api.origins import SAFE_METHODS, see_own_site
from narad.api.problems import Problem
from narad.api.root_path import path_of
from narad.dashboard import form_tokens
from narad.dashboard.desk import desk_of
from narad.dashboard.htmx import wants_fragment
from narad.dashboard.sessions import COOKIE
from narad.domain.scopes import Scope

LOGIN: Final = "/ui/login"
NEXT: Final = "next"

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class PublicRoute(APIRoute):
    """A page for everybody. What it changes comes from a form of ours all the same."""

    @override
    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()
        changes = not SAFE_METHODS.issuperset(self.methods or ())

        async def opened(request: Request) -> Response:
            await identify(request)
            if changes:
                await see_own_form(request)
            return await handle(request)

        return opened


class PageRoute(APIRoute):
    """A page for those who have the scope that its endpoint declares by `needs`; one that declares none is for admins.

    Who is not known is led to the login and back. A change comes from a form of ours, and is kept in the audit.
    """

    @override
    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()
        access = access_of(self.endpoint) or Access(Scope.ADMIN)
        changes = not SAFE_METHODS.issuperset(self.methods or ())

        async def checked(request: Request) -> Response:
            demand(request, access.scope)
            if changes:
                await see_own_form(request)
            return await handle(request)

        inner = audited(self.operation_id or self.name, checked) if changes and access.audited else checked

        async def opened(request: Request) -> Response:
            return await inner(request) if await identify(request) else to_login(request)

        return opened


async def identify(request: Request) -> Caller | None:
    """The sender: as the gate knows it, or by the session. None where neither says who it is.

    Raises:
        Problem: the session's key is not good from this address.
    """
    # Before anything is read: what changes while the page is made is told once its stream is open.
    request.state.live_place = desk_of(request).live.place
    caller: Caller | None = request.scope["state"].get("caller")
    cookie = request.cookies.get(COOKIE)
    if caller is None and cookie:
        caller = await desk_of(request).sessions.caller(cookie)
        if caller is not None and caller.networks and not is_within(caller, address_of(request.scope)):
            detail = f"Your key is not for {address_of(request.scope)}: its list of networks lacks it."
            raise Problem(problems.FORBIDDEN, detail)
        admit(request.scope, caller)
    return caller


async def see_own_form(request: Request) -> None:
    """See that a page of this service, opened by the same reader, is behind a change.

    Raises:
        Problem: it is not, or the form is too old.
    """
    header = {
        name: value for name, value in request.scope["headers"] if name in {b"host", b"origin", b"sec-fetch-site"}
    }
    see_own_site(header.get(b"sec-fetch-site"), header.get(b"origin"), header.get(b"host", b""))
    given = (await request.form()).get(form_tokens.FIELD)
    if not isinstance(given, str) or not form_tokens.fits(request, given):
        detail = "The form is not of a page that was opened here, or it is too old. Open the page again and repeat it."
        raise Problem(problems.ORIGIN_NOT_ALLOWED, detail)


def to_login(request: Request) -> Response:
    """Lead a reader who is not known to the login, and back afterwards."""
    root_path = request.scope.get("root_path", "")
    path = path_of(request.scope)
    here = f"{path}?{request.url.query}" if request.url.query else path
    target = f"{root_path}{LOGIN}?{NEXT}={quote(here, safe='/')}" if request.method == "GET" else f"{root_path}{LOGIN}"
    if wants_fragment(request):
        return Response(status_code=HTTP_401_UNAUTHORIZED, headers={"HX-Redirect": f"{root_path}{LOGIN}"})
    return RedirectResponse(target, status_code=HTTP_303_SEE_OTHER)
