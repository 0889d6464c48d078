"""The services of an API on a store, and its pages, without the loops around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2

from narad.api.app import create_app
from narad.api.handlers import KnownHandlers
from narad.api.high_water import HighWater
from narad.api.keyring import KeyRing
from narad.api.lasting import Lasting
from narad.api.readiness import Readiness
from narad.api.services import Defaults, Services
from narad.batcher import Batcher
from narad.clock import SystemClock
from narad.dashboard.live import Live
from narad.dashboard.site import create_site
from narad.events.hub import Hub, HubLimits
from narad.events.local import LocalFeed
from narad.issuing import Issuer
from narad.metrics import Metrics
from narad.secrets import Secrets
from narad.store.store import Store
from narad.tally import Tally


def services_on(store: Store) -> Services:
    """Services that nothing is asked of."""
    clock, feed = SystemClock(), LocalFeed(works_alone=True)
    return Services(
        store=store,
        submissions=Batcher(store.tasks.insert, capacity=1),
        unique_submissions=Batcher(store.submissions.submit, capacity=1),
        created=lambda _tasks: None,
        moved=lambda _task: None,
        stop_requested=lambda _task: None,
        tally=Tally(),
        handlers=KnownHandlers(store.catalogue, clock, fresh_seconds=60),
        high_water=HighWater(store.tasks, clock, most_waiting=0),
        clock=clock,
        defaults=Defaults(handler="demo.echo", max_attempts=1, max_losses=1),
        secrets=Secrets(b"x" * 32),
        keyring=KeyRing(store.keys, b"p", clock, locked=True),
        issuer=Issuer(store.keys, b"p", clock),
        timeout_seconds=1,
        hub=Hub(feed, store.tasks.marks, clock, HubLimits(streams=1, waiters=1)),
        events=feed,
        stream_seconds=1,
        lasting=Lasting(1),
        readiness=Readiness(schema=is_right, broker=None, is_draining=lambda: False, clock=clock),
        metrics=Metrics(tally=Tally()),
        metrics_are_open=False,
    )


@asynccontextmanager
async def pages_of(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """The pages of a process that has answered nobody yet; it is open until there is a key."""
    services = services_on(store)
    keyring = KeyRing(store.keys, b"p", services.clock, locked=False)
    services = replace(services, keyring=keyring, timeout_seconds=30)
    site = create_site(services, Live(services.hub, most=1, seconds=1), session_seconds=60)
    app = create_app(services, max_body_bytes=1_024, max_batch_bytes=1_024, site=site)
    headers = {"Accept": "text/html"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1", headers=headers
    ) as http:
        yield http


async def is_right() -> None:
    """What a look at a schema finds that is as it should be."""
