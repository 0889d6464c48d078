"""From templates to answers: whole pages for browsers, parts of the same pages for htmx, by one URL.

A template extends `layout.html`. What changes while it is open stands in a block of its own inside an element with the
id of that block; a request of htmx for that element is answered with the block alone, and with the banners.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from narad.api.caller import Caller
from narad.dashboard import form_tokens
from narad.dashboard.assets import address_of
from narad.dashboard.choices import THEMES, ZONES, Choices, choices_of
from narad.dashboard.cookies import welcome
from narad.dashboard.desk import desk_of
from narad.dashboard.formatting import filters
from narad.dashboard.htmx import target_of, wants_fragment
from narad.dashboard.languages import languages, offered
from narad.dashboard.navigation import PLACES
from narad.dashboard.standing import Standing
from narad.dashboard.words import (
    BULK_ACTION,
    COLUMN,
    KEY_STATE,
    OUTCOME,
    PRIORITY,
    PROBLEMS,
    STATUS,
    STATUS_SIGN,
    WORKER_SIGN,
    WORKER_STATE,
)
from narad.domain.scopes import Scope
from narad.domain.status import Priority, Status

_LIVE: Final = "live"
"""The block of a page that is drawn again, unless a request names another."""
_VARY: Final = "Accept-Language, Cookie, HX-Request-Type, HX-Target"


@cache
def environment(tag: str) -> Environment:
    """Jinja for one language. Everything is escaped, and a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("narad.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(languages()[tag].words, newstyle=True)  # type: ignore[attr-defined] # of the extension
    made.filters |= filters(languages()[tag])
    made.globals |= {
        "STATUSES": tuple(Status),
        "PRIORITIES": tuple(reversed(Priority)),
        "STATUS": STATUS,
        "STATUS_SIGN": STATUS_SIGN,
        "PRIORITY": PRIORITY,
        "OUTCOME": OUTCOME,
        "PROBLEMS": PROBLEMS,
        "WORKER_STATE": WORKER_STATE,
        "WORKER_SIGN": WORKER_SIGN,
        "KEY_STATE": KEY_STATE,
        "BULK_ACTION": BULK_ACTION,
        "COLUMN": COLUMN,
        "LANGUAGES": offered(),
        "THEMES": THEMES,
        "ZONES": ZONES,
        "Scope": Scope,
    }
    made.globals["m"] = made.get_template("macros.html").module
    return made


async def page(request: Request, name: str, /, *, status: int = 200, **context: object) -> Response:
    """Answer with a page, or with the part of it that htmx asks for, where it has parts."""
    return answer(request, name, await desk_of(request).standing.look(), status=status, **context)


def answer(request: Request, name: str, standing: Standing, /, *, status: int = 200, **context: object) -> Response:
    """The same, where the standing of the service is known."""
    choices = choices_of(request)
    template = environment(choices.language.tag).get_template(name)
    everything = _surroundings(request, choices, standing) | context
    asked = next((one for one in (target_of(request), _LIVE) if one in template.blocks), None)
    if wants_fragment(request) and asked is not None:
        html = _part(template, asked, everything)
    else:
        html = template.render(everything)
    response = HTMLResponse(html, status_code=status)
    response.headers["Content-Language"] = choices.language.tag
    response.headers["Vary"] = _VARY
    response.headers["Cache-Control"] = "private, no-store"
    welcome(request, response)
    return response


def _part(template: Template, block: str, context: Mapping[str, object]) -> str:
    """One block of a page, and the banners to be put in the place of those that are there."""
    values = template.new_context(dict(context))
    part = "".join(template.blocks[block](values))
    layout = template.environment.get_template("layout.html")
    banners = "".join(layout.blocks["banners"](layout.new_context(dict(context))))
    return f'{part}<div id="banners" hx-swap-oob="innerMorph">{banners}</div>'


def _surroundings(request: Request, choices: Choices, standing: Standing) -> dict[str, Any]:
    """What every template may use."""
    desk = desk_of(request)
    root_path = request.scope.get("root_path", "")
    caller: Caller | None = request.scope["state"].get("caller")

    def url(path: str, **query: object) -> str:
        given = urlencode({key: value for key, value in query.items() if value is not None}, doseq=True)
        return f"{root_path}{path}{'?' if given else ''}{given}"

    def may(scope: Scope) -> bool:
        return caller is not None and scope in caller.scopes

    return {
        "url": url,
        "static": lambda file: f"{root_path}{address_of(file)}",
        "here": f"{request.url.path}{'?' if request.url.query else ''}{request.url.query}",
        "caller": caller,
        "may": may,
        "places": [place for place in PLACES if may(place.scope)],
        "choices": choices,
        "language": choices.language,
        "standing": standing if caller is not None else Standing(store=standing.store),  # strangers see no work
        "service_is_open": desk.is_open(),
        "live_place": getattr(request.state, "live_place", ""),  # without one the stream says to ask for everything
        "poll_seconds": desk.live.poll_seconds,
        "form_token": form_tokens.token_for(request),
        "token_field": form_tokens.FIELD,
        # The stream tells of tasks, so it is only for those who may read them.
        "polls": request.query_params.get("live") == "poll" or not may(Scope.TASKS_READ),
    }
