"""In and out: a key is shown once and becomes a session; and the choices of language, theme and time zone."""

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.status import HTTP_401_UNAUTHORIZED

from narad.api.caller import Caller
from narad.api.gate import address_of, is_within
from narad.api.keyring import Refused
from narad.api.rate_limits import caller_at, over_quota
from narad.api.services import Services, UsesServices
from narad.dashboard.access import LOGIN, NEXT, PublicRoute
from narad.dashboard.choices import THEME_COOKIE, THEMES, ZONE_COOKIE, ZONES
from narad.dashboard.cookies import drop_cookie, set_cookie
from narad.dashboard.desk import UsesDesk
from narad.dashboard.forms import sent_in, text_in
from narad.dashboard.languages import COOKIE as LANGUAGE_COOKIE
from narad.dashboard.languages import PARAMETER, languages
from narad.dashboard.leading import lead_to
from narad.dashboard.rendering import page
from narad.dashboard.sessions import COOKIE as SESSION_COOKIE
from narad.domain.rate import RatePolicy
from narad.secrets import KEYS
from narad.tokens import digest_of

router = APIRouter(include_in_schema=False, route_class=PublicRoute)

LOGIN_POLICY: Final = RatePolicy(quota=5, window_seconds=60)
"""Guesses of one address."""
_HOME: Final = "/ui"


@router.get(LOGIN)
async def login_page(request: Request) -> Response:
    """Where a key is asked for."""
    return await _form(request, request.query_params.get(NEXT, _HOME))


@router.post(LOGIN)
async def log_in(request: Request, services: UsesServices, desk: UsesDesk) -> Response:
    """Take a key for a session, and lead on to where the reader wanted to go."""
    verdict = desk.logins.take(caller_at(address_of(request.scope)), LOGIN_POLICY)
    if not verdict.allowed:
        raise over_quota(LOGIN_POLICY, verdict)
    form = await request.form()
    goal = sent_in(form, NEXT)
    token = text_in(form, "key").encode("utf-8", "replace")
    caller = services.keyring.kept(token)
    if caller is None:
        caller = await services.promptly(services.keyring.look_up(token))
    if isinstance(caller, Refused):
        return await _form(request, goal, caller.reason)
    if caller.networks and not is_within(caller, address_of(request.scope)):
        reason = f"Your key is not for {address_of(request.scope)}: its list of networks lacks it."
        return await _form(request, goal, reason)
    response = _to(request, goal)
    session = desk.sessions.open(_key_id(caller), digest_of(token, _pepper(services)))
    set_cookie(request, response, SESSION_COOKIE, session, seconds=desk.sessions.seconds)
    return response


@router.post("/ui/logout")
async def log_out(request: Request, desk: UsesDesk) -> Response:
    """End the session of this browser."""
    desk.sessions.close(request.cookies.get(SESSION_COOKIE, ""))
    response = _to(request, LOGIN)
    drop_cookie(request, response, SESSION_COOKIE)
    return response


@router.post("/ui/choices")
async def choose(request: Request) -> Response:
    """Keep the choices for the eyes, and lead back."""
    form = await request.form()
    goal = sent_in(form, "back")
    response = _to(request, _without_language(goal) if sent_in(form, "language") in languages() else goal)
    for name, cookie, known in (
        ("language", LANGUAGE_COOKIE, languages()),
        ("theme", THEME_COOKIE, THEMES),
        ("zone", ZONE_COOKIE, ZONES),
    ):
        value = sent_in(form, name)
        if value in known:
            set_cookie(request, response, cookie, value)
    return response


async def _form(request: Request, goal: str, refusal: str | None = None) -> Response:
    status = 200 if refusal is None else HTTP_401_UNAUTHORIZED
    return await page(request, "login.html", status=status, goal=goal, refusal=refusal, next_field=NEXT)


def _to(request: Request, goal: str) -> Response:
    """Lead to a page of ours; whatever else is named leads to the overview."""
    root_path = request.scope.get("root_path", "")
    path = goal.removeprefix(root_path) if root_path else goal
    is_ours = path == _HOME or path.startswith((f"{_HOME}/", f"{_HOME}?"))
    safe = is_ours and "\\" not in path and path.isprintable()
    return lead_to(request, path if safe else _HOME)


def _without_language(goal: str) -> str:
    """The address as it is without a language, which would prevail over the one that was chosen."""
    path, _, query = goal.partition("?")
    kept = "&".join(part for part in query.split("&") if part.partition("=")[0] != PARAMETER)
    return f"{path}{'?' if kept else ''}{kept}"


def _key_id(caller: Caller) -> str:
    if caller.key_id is None:
        raise TypeError(caller)
    return caller.key_id


def _pepper(services: Services) -> bytes:
    return services.secrets.derive(KEYS)
