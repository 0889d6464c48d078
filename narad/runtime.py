"""The composition root: settings and roles become running services. The only module that names concrete backends."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from narad.clock import FollowingClock
from narad.composition.ground import Ground
from narad.composition.upkeep import upkeep
from narad.composition.worker import resources_for, worker
from narad.dispatch.base import Dispatch
from narad.dispatch.dead_letters import RabbitDeadLetters
from narad.dispatch.direct import DirectDispatch
from narad.dispatch.event_feed import RabbitFeed
from narad.dispatch.link import check_url, try_connection
from narad.dispatch.rabbitmq import RabbitDispatch
from narad.domain.dead_letter import DeadLetters
from narad.domain.event import of_new
from narad.domain.task import NewTask
from narad.errors import ConfigurationError
from narad.events.base import Feed
from narad.events.local import LocalFeed
from narad.metrics import Metrics
from narad.opening import open_secrets, open_store
from narad.relay.lanes import LaneWatch
from narad.relay.relay import Relay
from narad.service import Service, stop_all
from narad.settings import Settings
from narad.store import schema
from narad.store.database import parse_url
from narad.store.store import Store
from narad.tally import Tally, TallyKeeper
from narad.timekeeper import Timekeeper
from narad.worker.catalogue import describe
from narad.worker.handler import AnyHandler
from narad.worker.loading import load_handlers
from narad.worker.resources import Resources
from narad.worker.worker import Worker

if TYPE_CHECKING:
    from narad.api.keyring import KeyRing
    from narad.api.server import HttpServer

BUILT_IN = ("narad.handlers.demo", "narad.handlers.http")


class Role(StrEnum):
    """What a process does; any set of them may share one."""

    API = "api"
    RELAY = "relay"
    WORKER = "worker"
    UPKEEP = "upkeep"


ALL_ROLES = frozenset(Role)
API_ROLES = frozenset({Role.API, Role.RELAY, Role.UPKEEP})
WORKER_ROLES = frozenset({Role.WORKER})


@dataclass(kw_only=True)
class Runtime:
    """The services of one process, in the order in which they start."""

    store: Store
    dispatch: Dispatch
    services: list[Service] = field(default_factory=list)
    server: "HttpServer | None" = None
    keyring: "KeyRing | None" = None
    worker: Worker | None = None
    draining: bool = False

    async def start(self) -> None:
        """Start everything; if one part cannot start, nothing stays behind."""
        try:
            await self.dispatch.start()
            for service in self.services:
                await service.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain: services in the reverse order of their start, then the broker, then the database."""
        self.draining = True
        await stop_all(self.services)
        await self.dispatch.stop()
        await self.store.database.close()

    def hurry(self) -> None:
        """Cut the drain short."""
        if self.worker is not None:
            self.worker.hurry()

    async def dismissed(self) -> None:
        """Wait until somebody orders the worker of this process to drain."""
        await (self.worker.dismissed if self.worker is not None else asyncio.Event()).wait()

    async def died(self) -> None:
        """Wait until a service ends that should not."""
        waits = [asyncio.ensure_future(service.died.wait()) for service in self.services]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def build(
    settings: Settings,
    roles: frozenset[Role],
    *,
    migrates: bool,
    clock: FollowingClock | None = None,
    handlers: Iterable[AnyHandler] = (),
) -> Runtime:
    """Put the services of these roles together, after checking that they can work.

    `clock` stands in for that of this machine, and `handlers` are run besides those of the modules in the settings.

    Raises:
        ConfigurationError: the settings ask for something impossible.
        SchemaOutdatedError: the schema is old, and this process does not migrate by itself.
        StoreUnavailableError: the database cannot be reached.
    """
    clock = clock or FollowingClock()
    check_settings(settings)
    # Only a worker imports the code of its users; the API knows handlers from the catalogue.
    loaded = load_handlers([*BUILT_IN, *settings.handlers], handlers) if Role.WORKER in roles else {}
    resources = resources_for(settings, loaded) if Role.WORKER in roles else Resources()
    store = open_store(settings, relayed=Role.RELAY in roles)
    try:
        if migrates:
            from narad.store.migrating import migrate_schema  # noqa: PLC0415 - loaded when needed

            await migrate_schema(store.database)
        else:
            await schema.check(store.database)
        timekeeper = Timekeeper(store.database, clock)
        await timekeeper.set_clock()
        await store.catalogue.publish(describe(load_handlers(BUILT_IN).values()), now=clock.now())
        tally = Tally()
        ground = Ground(
            settings=settings,
            store=store,
            dispatch=_dispatch(settings),
            dead_letters=_dead_letters(settings),
            feed=_feed(settings, roles),
            clock=clock,
            tally=tally,
            metrics=Metrics(tally=tally),
            secrets=await open_secrets(settings, store),
        )
        runtime = Runtime(store=store, dispatch=ground.dispatch, services=[timekeeper, ground.feed])
        if Role.API in roles:
            from narad.composition.api import open_keyring  # noqa: PLC0415 - a worker does without the API's libraries

            runtime.keyring = await open_keyring(ground)
        _add_services(runtime, ground, roles, loaded, resources)
    except BaseException:
        await store.database.close()
        raise
    return runtime


def check_settings(settings: Settings) -> None:
    """See that the settings can go together, without connecting to anything.

    Raises:
        ConfigurationError: they cannot.
    """
    database = parse_url(settings.database_url.get_secret_value())
    if settings.brokers and database.get_backend_name() == "sqlite":
        raise ConfigurationError(
            "NARAD_BROKER_URL is set while NARAD_DATABASE_URL is SQLite: a broker serves many hosts, a SQLite file "
            "one. Use PostgreSQL, or leave NARAD_BROKER_URL empty."
        )
    for broker in settings.brokers:
        check_url(broker)


async def try_brokers(settings: Settings) -> Mapping[str, str | None]:
    """Each broker of the settings by its host, with the reason why it cannot be used, None where it can."""
    return {
        f"{host}:{port}": reason
        for host, port, reason in [await try_connection(url, timeout_seconds=5) for url in settings.brokers]
    }


def _dispatch(settings: Settings) -> Dispatch:
    if settings.brokers:
        return RabbitDispatch(settings.brokers, timeout_seconds=settings.publish_timeout_seconds)
    return DirectDispatch()


def _dead_letters(settings: Settings) -> DeadLetters | None:
    if not settings.brokers:
        return None
    return RabbitDeadLetters(settings.brokers, timeout_seconds=settings.publish_timeout_seconds)


def _feed(settings: Settings, roles: frozenset[Role]) -> Feed:
    if settings.brokers:
        timeout = settings.publish_timeout_seconds
        return RabbitFeed(settings.brokers, timeout_seconds=timeout, hears=Role.API in roles)
    return LocalFeed(works_alone=Role.WORKER in roles)


def _add_services(
    runtime: Runtime,
    ground: Ground,
    roles: frozenset[Role],
    handlers: Mapping[str, AnyHandler],
    resources: Resources,
) -> None:
    """In the order of starting: what accepts work comes last, so that it stops first."""
    settings, services = ground.settings, runtime.services
    # Before all that counts, so that it writes down the last of it.
    pause = settings.stats_seconds
    services.append(TallyKeeper(ground.tally, ground.store.statistics, ground.clock, pause_seconds=pause))
    if Role.API not in roles and settings.metrics_port:
        from narad.composition.http import metrics_server  # noqa: PLC0415 - loaded when needed

        services.append(metrics_server(ground))
    relay = None
    if Role.RELAY in roles:
        relay, watch = _relay(ground)
        services += [relay, watch]
    if Role.UPKEEP in roles:
        services += upkeep(ground)
    created = _heard_by(ground.tally, relay, ground.feed)
    if Role.WORKER in roles:
        runtime.worker = worker(ground, handlers, resources, created)
        services.append(runtime.worker)
    if runtime.keyring is not None:
        from narad.composition.api import http_api  # noqa: PLC0415 - a worker does without the API's libraries

        api = http_api(ground, runtime.keyring, relay, created, lambda: runtime.draining)
        runtime.server = api.server
        services += api.services


def _relay(ground: Ground) -> tuple[Relay, LaneWatch]:
    settings, store, clock = ground.settings, ground.store, ground.clock
    relay = Relay(store.handovers, ground.dispatch, clock, sweep_seconds=settings.sweep_seconds, events=ground.feed)
    return relay, LaneWatch(store, ground.dispatch, clock, pause_seconds=settings.lane_seconds)


def _heard_by(tally: Tally, relay: Relay | None, feed: Feed) -> Callable[[Sequence[NewTask]], None]:
    """Who hears of tasks that were just committed: the tally, listeners, the relay where this process has one."""

    def created(tasks: Sequence[NewTask]) -> None:
        tally.created(tasks)
        if feed.wanted:
            feed.publish([of_new(task) for task in tasks])
        if relay is not None:
            relay.nudge(tasks)

    return created
