"""The composition root: settings and roles become running services. The only module that names concrete backends."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

import structlog

from narad.api.app import create_app
from narad.api.handlers import KnownHandlers
from narad.api.high_water import HighWater
from narad.api.keyring import KeyRing
from narad.api.origins import is_loopback
from narad.api.protocol import ConnectionLimits
from narad.api.request_id import RequestIds
from narad.api.server import HttpServer
from narad.api.services import Defaults, Services
from narad.batcher import Batcher
from narad.clock import Clock, FollowingClock
from narad.dispatch.base import Dispatch
from narad.dispatch.direct import DirectDispatch
from narad.dispatch.event_feed import RabbitFeed
from narad.dispatch.link import check_url
from narad.dispatch.rabbitmq import RabbitDispatch
from narad.domain.event import of_new
from narad.domain.picking import AgeingQuota
from narad.domain.rate import parse_rate
from narad.domain.retry import RetryPolicy
from narad.domain.status import Priority
from narad.domain.task import NewTask
from narad.errors import ConfigurationError
from narad.events.base import Feed
from narad.events.hub import Hub, HubLimits
from narad.events.local import LocalFeed
from narad.issuing import Issuer
from narad.relay.lanes import LaneWatch
from narad.relay.relay import Relay
from narad.secrets import KEYS, Secrets
from narad.service import Service, stop_all
from narad.settings import Settings
from narad.store import schema
from narad.store.database import Database, parse_url
from narad.store.store import Store
from narad.tally import Tally, TallyKeeper
from narad.timekeeper import Timekeeper
from narad.upkeep.bulk import BulkExecutor
from narad.upkeep.expirer import Expirer
from narad.upkeep.pruner import Pruner
from narad.upkeep.rescuer import Patience, Rescuer
from narad.upkeep.stats_pruner import StatsPruner
from narad.worker.catalogue import describe
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Rhythm
from narad.worker.loading import load_handlers
from narad.worker.processes import ProcessLimits
from narad.worker.worker import Worker, WorkerOptions

log = structlog.get_logger(__name__)

BUILT_IN = ("narad.handlers.demo",)
_DAY_SECONDS = 86_400


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
    feed: Feed
    tally: Tally = field(default_factory=Tally)
    services: list[Service] = field(default_factory=list)
    server: HttpServer | None = None
    keyring: KeyRing | None = None
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


def open_store(settings: Settings, pool_size: int | None = None, *, relayed: bool = False) -> Store:
    """The store of the settings, with connections of its own; `relayed` where this process hands its tasks over."""
    return Store(
        open_database(settings, pool_size),
        lease=timedelta(seconds=settings.lease_seconds),
        guard=timedelta(seconds=settings.handover_guard_seconds if relayed else 0),
        list_seconds=settings.list_timeout_seconds,
    )


def open_database(settings: Settings, pool_size: int | None = None) -> Database:
    """The database of the settings; connects on first use.

    Raises:
        ConfigurationError: its address is not valid.
    """
    return Database(
        parse_url(settings.database_url.get_secret_value()),
        pool_size=pool_size or settings.database_pool,
        timeout_seconds=settings.database_timeout_seconds,
    )


async def build(settings: Settings, roles: frozenset[Role], *, migrates: bool) -> Runtime:
    """Put the services of these roles together, after checking that they can work.

    Raises:
        ConfigurationError: the settings ask for something impossible.
        SchemaOutdatedError: the schema is old, and this process does not migrate by itself.
        StoreUnavailableError: the database cannot be reached.
    """
    clock = FollowingClock()
    _check_possible(settings)
    # Only a worker imports the code of its users; the API knows handlers from the catalogue.
    handlers = load_handlers([*BUILT_IN, *settings.handlers]) if Role.WORKER in roles else {}
    store = open_store(settings, relayed=Role.RELAY in roles)
    try:
        await (schema.migrate(store.database) if migrates else schema.check(store.database))
        timekeeper = Timekeeper(store.database, clock)
        await timekeeper.set_clock()
        await store.catalogue.publish(describe(load_handlers(BUILT_IN).values()), now=clock.now())
        feed = _feed(settings, roles)
        runtime = Runtime(store=store, dispatch=_dispatch(settings), feed=feed, services=[timekeeper, feed])
        secrets = await open_secrets(settings, store)
        if Role.API in roles:
            runtime.keyring = await _keyring(settings, store, clock, secrets)
        _add_services(runtime, settings, roles, handlers, clock, secrets)
    except BaseException:
        await store.database.close()
        raise
    return runtime


def _check_possible(settings: Settings) -> None:
    database = parse_url(settings.database_url.get_secret_value())
    if settings.brokers and database.get_backend_name() == "sqlite":
        raise ConfigurationError(
            "NARAD_BROKER_URL is set while NARAD_DATABASE_URL is SQLite: a broker serves many hosts, a SQLite file "
            "one. Use PostgreSQL, or leave NARAD_BROKER_URL empty."
        )
    for broker in settings.brokers:
        check_url(broker)


async def _keyring(settings: Settings, store: Store, clock: Clock, secrets: Secrets) -> KeyRing:
    """Who may come in: nobody without a key once there is one; before that, or where it is so set, everybody.

    Raises:
        ConfigurationError: everybody would be whoever reaches this machine.
    """
    asks = settings.auth != "none"
    locked = asks and await store.keys.any()
    if asks and not locked and not is_loopback(settings.host):
        raise ConfigurationError(
            f"NARAD_HOST={settings.host} would let anyone who reaches this machine create tasks, for there is no key "
            "yet. Create one with narad keys create NAME --role admin, bind 127.0.0.1, or set NARAD_AUTH=none where "
            "something else guards the address."
        )
    if not asks:
        reason = "NARAD_AUTH=none: whoever reaches the address may do everything"
        log.warning("api.open", host=settings.host, reason=reason)
    return KeyRing(store.keys, secrets.derive(KEYS), clock, locked=locked, lockable=asks)


async def open_secrets(settings: Settings, store: Store) -> Secrets:
    """The secret of the settings, or else that of the installation."""
    given = settings.secret_key.get_secret_value()
    return Secrets(given.encode() if given else await store.installation.secret())


def _dispatch(settings: Settings) -> Dispatch:
    if settings.brokers:
        return RabbitDispatch(settings.brokers, timeout_seconds=settings.publish_timeout_seconds)
    return DirectDispatch()


def _feed(settings: Settings, roles: frozenset[Role]) -> Feed:
    if settings.brokers:
        timeout = settings.publish_timeout_seconds
        return RabbitFeed(settings.brokers, timeout_seconds=timeout, hears=Role.API in roles)
    return LocalFeed(works_alone=Role.WORKER in roles)


def _add_services(
    runtime: Runtime,
    settings: Settings,
    roles: frozenset[Role],
    handlers: Mapping[str, AnyHandler],
    clock: Clock,
    secrets: Secrets,
) -> None:
    """In the order of starting: what accepts work comes last, so that it stops first."""
    store, feed = runtime.store, runtime.feed
    # Before all that counts, so that it writes down the last of it.
    runtime.services.append(TallyKeeper(runtime.tally, store.statistics, clock, pause_seconds=settings.stats_seconds))
    relay = None
    if Role.RELAY in roles:
        relay = Relay(store.handovers, runtime.dispatch, clock, sweep_seconds=settings.sweep_seconds, events=feed)
        watch = LaneWatch(store, runtime.dispatch, clock, pause_seconds=settings.lane_seconds)
        runtime.services += [relay, watch]
    if Role.UPKEEP in roles:
        runtime.services += _upkeep(runtime, settings, clock)
    if Role.WORKER in roles:
        runtime.worker = Worker(
            store,
            runtime.dispatch,
            handlers,
            clock,
            _worker_options(settings),
            runtime.tally,
            open_store=lambda: open_store(settings, pool_size=1),
            events=feed,
        )
        runtime.services.append(runtime.worker)
    if runtime.keyring is not None:
        hub_limits = HubLimits(streams=settings.max_streams, waiters=settings.max_waiters)
        hub = Hub(feed, store.tasks.marks, clock, hub_limits)
        runtime.services.append(hub)
        app = create_app(
            _api_services(runtime, runtime.keyring, settings, relay, clock, secrets, hub),
            max_body_bytes=settings.max_body_bytes,
            max_batch_bytes=settings.max_batch_bytes,
            allowed_hosts=settings.allowed_hosts,
            rate=parse_rate(settings.rate_limit) if settings.rate_limit else None,
        )
        limits = ConnectionLimits(
            most_header_bytes=settings.max_header_bytes,
            receive_seconds=settings.receive_timeout_seconds,
            most_connections=settings.max_connections,
        )
        runtime.server = HttpServer(
            RequestIds(app),
            host=settings.host,
            port=settings.port,
            limits=limits,
            proxies=settings.trusted_proxies,
            drain=hub.drain,
        )
        runtime.services += [runtime.keyring, runtime.server]


def _upkeep(runtime: Runtime, settings: Settings, clock: Clock) -> list[Service]:
    store, tally, feed = runtime.store, runtime.tally, runtime.feed
    kept, pause = settings.retention_days * _DAY_SECONDS, settings.prune_seconds
    return [
        Rescuer(store, clock, tally, patience=_patience(settings), policy=_retry_policy(settings), events=feed),
        Expirer(store.tasks, clock, tally, pause_seconds=settings.expire_seconds, events=feed),
        Pruner(
            store.retention,
            store.audit,
            clock,
            retention_seconds=kept,
            audit_seconds=settings.audit_days * _DAY_SECONDS,
            pause_seconds=pause,
        ),
        StatsPruner(store.statistics, clock, retention_seconds=kept, pause_seconds=pause),
        BulkExecutor(store.bulk, clock, tally, pause_seconds=settings.bulk_seconds),
    ]


def _api_services(
    runtime: Runtime,
    keyring: KeyRing,
    settings: Settings,
    relay: Relay | None,
    clock: Clock,
    secrets: Secrets,
    hub: Hub,
) -> Services:
    store, feed = runtime.store, runtime.feed
    return Services(
        store=store,
        submissions=Batcher(store.tasks.insert, capacity=settings.submit_buffer),
        unique_submissions=Batcher(store.submissions.submit, capacity=settings.submit_buffer),
        created=_heard_by(runtime.tally, relay, feed),
        moved=relay.nudge_moved if relay else lambda _task: None,
        stop_requested=relay.order_stop if relay else lambda _task: None,
        tally=runtime.tally,
        handlers=KnownHandlers(store.catalogue, clock, fresh_seconds=settings.catalogue_seconds),
        high_water=HighWater(store.tasks, clock, most_waiting=settings.max_waiting),
        clock=clock,
        defaults=Defaults(
            handler=settings.default_handler, max_attempts=settings.max_attempts, max_losses=settings.max_losses
        ),
        secrets=secrets,
        keyring=keyring,
        issuer=Issuer(store.keys, secrets.derive(KEYS), clock),
        is_draining=lambda: runtime.draining,
        timeout_seconds=settings.api_timeout_seconds,
        hub=hub,
        events=feed,
        stream_seconds=settings.stream_seconds,
    )


def _heard_by(tally: Tally, relay: Relay | None, feed: Feed) -> Callable[[Sequence[NewTask]], None]:
    """Who hears of tasks that were just committed: the tally, listeners, the relay where this process has one."""

    def created(tasks: Sequence[NewTask]) -> None:
        tally.created(tasks)
        if feed.wanted:
            feed.publish([of_new(task) for task in tasks])
        if relay is not None:
            relay.nudge(tasks)

    return created


def _patience(settings: Settings) -> Patience:
    return Patience(
        lease_seconds=settings.lease_seconds,
        overrun_seconds=settings.cancel_grace_seconds + settings.lease_seconds,
        pause_seconds=settings.rescue_seconds,
    )


def _retry_policy(settings: Settings) -> RetryPolicy:
    return RetryPolicy(base_seconds=settings.backoff_seconds, cap_seconds=settings.backoff_cap_seconds)


def _worker_options(settings: Settings) -> WorkerOptions:
    return WorkerOptions(
        name=settings.worker_name or None,
        concurrency=settings.concurrency,
        queues=settings.queues,
        rhythm=Rhythm(heartbeat_seconds=settings.heartbeat_seconds, lease_seconds=settings.lease_seconds),
        process_limits=ProcessLimits(
            grace_seconds=settings.cancel_grace_seconds,
            most_tasks=settings.child_max_tasks,
            most_bytes=settings.child_max_bytes,
        ),
        most_result_bytes=settings.max_result_bytes,
        policy=_retry_policy(settings),
        stops_on_lease_loss=settings.stop_on_lease_loss,
        quota=AgeingQuota(
            every=settings.ageing_every,
            limits_seconds={
                Priority.MEDIUM: settings.ageing_medium_seconds,
                Priority.LOW: settings.ageing_low_seconds,
            },
        ),
        poll_seconds=settings.poll_seconds,
        watchdog_seconds=settings.watchdog_seconds,
        drain_seconds=settings.drain_seconds,
    )
