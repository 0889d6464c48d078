"""The worker: what it serves, where its handlers may call, and what its lifespans provide."""

import ssl
from collections.abc import Callable, Mapping, Sequence

from narad.composition.ground import Ground
from narad.domain.picking import AgeingQuota
from narad.domain.status import Priority
from narad.domain.task import NewTask
from narad.errors import ConfigurationError
from narad.opening import open_store
from narad.outbound.options import OutboundOptions
from narad.secrets import CALLS, Secrets
from narad.settings import Settings
from narad.worker.follow_ups import Allowances
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Rhythm
from narad.worker.loading import load_lifespans
from narad.worker.processes import ProcessLimits
from narad.worker.resources import Resources, check_needs
from narad.worker.worker import Worker, WorkerOptions

_FEWEST_CONNECTIONS = 100
"""Connections to others that a worker may hold, however few its slots are: a handler may call many at once."""


def worker(
    ground: Ground,
    handlers: Mapping[str, AnyHandler],
    resources: Resources,
    created: Callable[[Sequence[NewTask]], None],
) -> Worker:
    """The worker of a process; `created` hears of follow-ups.

    Raises:
        ConfigurationError: the file of certificates cannot be used.
    """
    return Worker(
        ground.store,
        ground.dispatch,
        handlers,
        ground.clock,
        _options(ground),
        ground.tally,
        open_store=lambda: open_store(ground.settings, pool_size=1),
        events=ground.feed,
        resources=resources,
        created=created,
    )


def resources_for(settings: Settings, handlers: Mapping[str, AnyHandler]) -> Resources:
    """What the lifespans of the modules with handlers provide.

    Raises:
        ConfigurationError: a handler, or a lifespan, needs what none provides.
    """
    by_module = load_lifespans(settings.handlers)
    lifespans = [one for found in by_module.values() for one in found]
    check_needs(handlers, lifespans, by_module)
    return Resources(lifespans, limit_seconds=settings.lifespan_seconds)


def signing_key(settings: Settings, secrets: Secrets) -> str:
    """The key that signs what `http.request` sends, as text; its receivers need the same."""
    return settings.http_signing_key.get_secret_value() or secrets.derive(CALLS).hex()


def _options(ground: Ground) -> WorkerOptions:
    settings = ground.settings
    return WorkerOptions(
        name=settings.worker_name or None,
        concurrency=settings.concurrency,
        queues=settings.queues,
        rhythm=Rhythm(heartbeat_seconds=settings.heartbeat_seconds, lease_seconds=settings.lease_seconds),
        outbound=_outbound_options(settings, ground.secrets),
        process_limits=ProcessLimits(
            grace_seconds=settings.cancel_grace_seconds,
            most_tasks=settings.child_max_tasks,
            most_bytes=settings.child_max_bytes,
            lifespan_seconds=settings.lifespan_seconds,
        ),
        most_result_bytes=settings.max_result_bytes,
        policy=ground.retry_policy,
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
        blocked_seconds=settings.blocked_seconds,
        allowances=Allowances(max_attempts=settings.max_attempts, max_losses=settings.max_losses),
    )


def _outbound_options(settings: Settings, secrets: Secrets) -> OutboundOptions:
    """Where handlers of the worker may call.

    Raises:
        ConfigurationError: the file of certificates cannot be used.
    """
    if settings.http_ca_file:
        try:
            ssl.create_default_context().load_verify_locations(settings.http_ca_file)
        except OSError as error:  # SSLError is one
            raise ConfigurationError(
                f"NARAD_HTTP_CA_FILE={settings.http_ca_file} cannot be used: {error}. "
                "Name a file of certificates in PEM."
            ) from error
    return OutboundOptions(
        allowed_networks=settings.http_allowed_networks,
        allowed_hosts=settings.http_allowed_hosts,
        ports=tuple(map(int, settings.http_ports)),
        timeout_seconds=settings.http_timeout_seconds,
        most_bytes=settings.http_max_bytes,
        most_result_bytes=settings.max_result_bytes,
        most_connections=max(_FEWEST_CONNECTIONS, settings.concurrency),
        proxy=settings.http_proxy.get_secret_value(),
        ca_file=settings.http_ca_file,
        signing_key=signing_key(settings, secrets),
    )
