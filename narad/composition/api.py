"""What an API serves by HTTP, with the dashboard; a process without one does without the libraries behind this."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.types import ASGIApp

from narad.api import metrics_app
from narad.api.app import create_app
from narad.api.edge import Edge
from narad.api.gate import PROBES
from narad.api.handlers import KnownHandlers
from narad.api.high_water import HighWater
from narad.api.keyring import KeyRing
from narad.api.lasting import Lasting
from narad.api.origins import is_loopback
from narad.api.readiness import Readiness
from narad.api.root_path import RootPath
from narad.api.server import HttpServer
from narad.api.services import Defaults, Services
from narad.batcher import Batcher
from narad.composition.ground import Ground
from narad.composition.http import connection_limits
from narad.dashboard.live import Live
from narad.dashboard.settings_page import shown_settings
from narad.dashboard.site import create_site
from narad.dispatch.base import Dispatch
from narad.domain.rate import parse_rate
from narad.domain.task import NewTask
from narad.errors import ConfigurationError
from narad.events.hub import Hub, HubLimits
from narad.issuing import Issuer
from narad.relay.relay import Relay
from narad.secrets import KEYS
from narad.service import Service
from narad.store import schema

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApi:
    """The services of the API in the order of their start, and the server, which is the last of them."""

    services: Sequence[Service]
    server: HttpServer


async def open_keyring(ground: Ground) -> KeyRing:
    """Who may come in: nobody without a key once there is one; before that, or where it is so set, everybody.

    Raises:
        ConfigurationError: everybody would be whoever reaches this machine.
    """
    settings, keys = ground.settings, ground.store.keys
    asks = settings.auth != "none"
    locked = asks and await keys.any()
    if asks and not locked and not is_loopback(settings.host):
        raise ConfigurationError(
            f"NARAD_HOST={settings.host} would let anyone who reaches this machine create tasks, for there is no key "
            "yet. Create one with narad keys create NAME --role admin, bind 127.0.0.1, or set NARAD_AUTH=none where "
            "something else guards the address."
        )
    if not asks:
        reason = "NARAD_AUTH=none: whoever reaches the address may do everything"
        log.warning("api.open", host=settings.host, reason=reason)
    return KeyRing(keys, ground.secrets.derive(KEYS), ground.clock, locked=locked, lockable=asks)


def http_api(
    ground: Ground,
    keyring: KeyRing,
    relay: Relay | None,
    created: Callable[[Sequence[NewTask]], None],
    is_draining: Callable[[], bool],
) -> HttpApi:
    """The API of a process, whose relay hears of what it does, if there is one; `created` hears of new tasks."""
    settings = ground.settings
    limits = HubLimits(streams=settings.max_streams, waiters=settings.max_waiters)
    hub = Hub(ground.feed, ground.store.tasks.marks, ground.clock, limits)
    ground.metrics.streams = lambda: hub.streams
    live = Live(hub, most=settings.max_streams, seconds=settings.stream_seconds)
    services = _services(ground, keyring, relay, created, is_draining, hub)
    server = HttpServer(
        _application(ground, services, live),
        host=settings.host,
        port=settings.port,
        limits=connection_limits(settings),
        proxies=settings.trusted_proxies,
        drain=hub.drain,
    )
    return HttpApi(services=[hub, keyring, live, server], server=server)


def _application(ground: Ground, services: Services, live: Live) -> ASGIApp:
    """The API and the dashboard, as what stands before them sees them."""
    settings = ground.settings
    app = create_app(
        services,
        max_body_bytes=settings.max_body_bytes,
        max_batch_bytes=settings.max_batch_bytes,
        allowed_hosts=settings.allowed_hosts,
        rate=parse_rate(settings.rate_limit) if settings.rate_limit else None,
        open_paths=PROBES | ({metrics_app.PATH} if settings.metrics_access == "open" else set()),
        site=create_site(
            services,
            live,
            session_seconds=settings.session_seconds,
            settings=shown_settings(settings),
            is_open=settings.auth == "none",
            dead_letters=ground.dead_letters,
        ),
    )
    edge = Edge(app, ground.metrics.requests)
    return RootPath(edge, settings.root_path) if settings.root_path else edge


def _services(
    ground: Ground,
    keyring: KeyRing,
    relay: Relay | None,
    created: Callable[[Sequence[NewTask]], None],
    is_draining: Callable[[], bool],
    hub: Hub,
) -> Services:
    """What the endpoints work with."""
    settings, store, clock = ground.settings, ground.store, ground.clock
    return Services(
        store=store,
        submissions=Batcher(store.tasks.insert, capacity=settings.submit_buffer),
        unique_submissions=Batcher(store.submissions.submit, capacity=settings.submit_buffer),
        created=created,
        moved=relay.nudge_moved if relay else lambda _task: None,
        stop_requested=relay.order_stop if relay else lambda _task: None,
        tally=ground.tally,
        handlers=KnownHandlers(store.catalogue, clock, fresh_seconds=settings.catalogue_seconds),
        high_water=HighWater(store.tasks, clock, most_waiting=settings.max_waiting),
        clock=clock,
        defaults=Defaults(
            handler=settings.default_handler, max_attempts=settings.max_attempts, max_losses=settings.max_losses
        ),
        secrets=ground.secrets,
        keyring=keyring,
        issuer=Issuer(store.keys, ground.secrets.derive(KEYS), clock),
        timeout_seconds=settings.api_timeout_seconds,
        hub=hub,
        events=ground.feed,
        stream_seconds=settings.stream_seconds,
        lasting=Lasting(settings.max_waits_per_key),
        readiness=Readiness(
            schema=partial(schema.fault, store.database),
            broker=_broker_check(ground.dispatch) if settings.brokers else None,
            is_draining=is_draining,
            clock=clock,
        ),
        metrics=ground.metrics,
        metrics_are_open=settings.metrics_access == "open"
        or (settings.metrics_access == "auto" and is_loopback(settings.host)),
    )


def _broker_check(dispatch: Dispatch) -> Callable[[], str | None]:
    """Says what is wrong with the broker."""

    def check() -> str | None:
        return None if dispatch.available else "degraded: not connected; workers claim tasks from the store meanwhile"

    return check
