"""The pages put together: routes, errors and headers, over the services of the API."""

from collections.abc import Sequence

from fastapi import FastAPI

from narad.api.named_paths import in_order
from narad.api.rate_limits import RateLimiter
from narad.api.services import Services
from narad.api.site import Site
from narad.dashboard import assets, desk, errors, form_tokens, sessions
from narad.dashboard.counts import Counts
from narad.dashboard.desk import Desk, ShownSetting
from narad.dashboard.headers import SafeHeaders
from narad.dashboard.languages import languages
from narad.dashboard.live import Live
from narad.dashboard.pages import (
    audit,
    bulk,
    dead_letters,
    events,
    export,
    failures,
    handlers,
    help_page,
    keys,
    login,
    new_task,
    overview,
    queues,
    system,
    task,
    tasks,
    workers,
)
from narad.dashboard.rendering import environment
from narad.dashboard.sessions import Sessions
from narad.dashboard.standing import StandingWatch
from narad.domain.dead_letter import DeadLetters

PREFIX = "/ui"
_ROUTERS = (
    events.router,
    overview.root,
    overview.router,
    tasks.router,
    export.router,
    bulk.router,
    new_task.router,
    task.router,
    failures.router,
    queues.router,
    dead_letters.router,
    workers.router,
    handlers.router,
    system.router,
    keys.router,
    audit.router,
    help_page.router,
    login.router,
    assets.router,
)


def create_site(
    services: Services,
    live: Live,
    *,
    session_seconds: float,
    settings: Sequence[ShownSetting] = (),
    is_open: bool = False,
    dead_letters: DeadLetters | None = None,
) -> Site:
    """The site over these services; `is_open` where anybody may do everything, `dead_letters` those of the broker."""
    routes = in_order([route for router in _ROUTERS for route in router.routes])
    app = FastAPI(title="Narad dashboard", openapi_url=None, routes=[*routes])
    app.state.services = services
    secrets, counts = services.secrets, Counts(services)
    desk.attach(
        app.state,
        Desk(
            live=live,
            sessions=Sessions(
                services.store.keys,
                services.keyring,
                secrets.derive(sessions.PURPOSE),
                services.clock,
                seconds=session_seconds,
            ),
            standing=StandingWatch(services, counts),
            counts=counts,
            forms=secrets.derive(form_tokens.PURPOSE),
            logins=RateLimiter(services.clock, default=None),
            settings=settings,
            is_open=lambda: is_open,
            dead_letters=dead_letters,
        ),
    )
    errors.register(app)
    for tag in languages():  # here, so that a broken template or catalogue stops the start and no page
        environment(tag)
    return Site(app=SafeHeaders(app), prefix=PREFIX, paths=frozenset({"/", "/favicon.ico"}))
