"""The heartbeat renews the lease and compares what the store says runs here with what does.

It beats in a thread of its own, on a loop and a connection of its own: a handler that blocks the event loop of the
worker, or keeps the interpreter busy, must not cost it its lease. One look carries everything that must not depend on
the broker: cancels that were asked for, claims whose answer was lost on the way, orders of people to this worker and to
whole queues, and the news that this worker was declared lost.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import inf

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.fleet import Orders, WorkerOrder
from narad.domain.task import Running
from narad.errors import NaradError, StoreUnavailableError
from narad.service import Service
from narad.store.store import Store
from narad.worker.identity import Identity

log = structlog.get_logger(__name__)

RENEWABLE_SHARE = 2 / 3
"""From this share of the lease on, a worker that could not renew it claims nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the heart beats, and how long a lease lasts, in seconds."""

    heartbeat_seconds: float
    lease_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who hears of what a beat found; called on the loop of the worker."""

    owned: Callable[[Sequence[Running]], Awaitable[None]]
    ordered: Callable[[Orders], Awaitable[None]]
    lost: Callable[[], Awaitable[None]]


class Heartbeat(Service):
    """Beats until it is stopped, also during a drain."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        identity: Identity,
        clock: Clock,
        *,
        rhythm: Rhythm,
        listeners: Listeners,
        busy: Callable[[], int],
    ) -> None:
        """`open_store` makes a store for the thread of the heartbeat, which closes it; `busy` counts slots in use."""
        super().__init__()
        self._open_store = open_store
        self._identity = identity
        self._clock = clock
        self._rhythm = rhythm
        self._listeners = listeners
        self._busy = busy
        self._ordered: WorkerOrder | None = None
        self._renewed_at = clock.monotonic()
        self._thread: threading.Thread | None = None
        self._enough = threading.Event()
        self._stop: Callable[[], object] = self._enough.set
        self.draining = False

    @property
    def may_claim(self) -> bool:
        """Whether the lease is fresh enough to start something new."""
        age = self._clock.monotonic() - self._renewed_at
        return age < self._rhythm.lease_seconds * RENEWABLE_SHARE

    @property
    def lease_left(self) -> float:
        """Seconds until the lease ends, counted from the moment at which its last renewal was asked for."""
        return self._renewed_at + self._rhythm.lease_seconds - self._clock.monotonic()

    @override
    async def start(self) -> None:
        self._renewed_at = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._live, args=(loop,), name="narad-heartbeat", daemon=True)
        self._thread.start()

    @override
    async def stop(self) -> None:
        self._enough.set()
        with contextlib.suppress(RuntimeError):  # its loop may just have closed
            self._stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _live(self, worker_loop: asyncio.AbstractEventLoop) -> None:
        """The whole life of the thread. If it ends by itself, the worker has to end too."""
        try:
            asyncio.run(self._beat_on(worker_loop))
        except Exception as error:
            log.critical("heartbeat.died", exc_info=error)
            worker_loop.call_soon_threadsafe(self.died.set)

    async def _beat_on(self, worker_loop: asyncio.AbstractEventLoop) -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        store = self._open_store()
        try:
            while not self._enough.is_set():
                await _pause(stopped, self._rhythm.heartbeat_seconds)
                try:
                    await self._beat(store, worker_loop)
                except StoreUnavailableError as error:
                    log.warning("heartbeat.store_unavailable", reason=str(error))
        finally:
            self._stop = self._enough.set
            await store.database.close()

    async def _beat(self, store: Store, worker_loop: asyncio.AbstractEventLoop) -> None:
        asked_at = self._clock.monotonic()
        orders = await store.workers.renew(
            self._identity.id, now=self._clock.now(), draining=self.draining, busy=self._busy()
        )
        if orders is not None:
            self._renewed_at = asked_at
            self._ordered = orders.ordered
            _tell(worker_loop, lambda: self._listeners.ordered(orders))
            rows = await store.attempts.running(self._identity.id)
            # After a blocked loop the news is old: it could miss a claim whose answer that loop has not seen yet.
            stale_at = time.monotonic() + self._rhythm.heartbeat_seconds / 2
            _tell(worker_loop, lambda: self._listeners.owned(rows), stale_at=stale_at)
        elif not self._enough.is_set():
            log.error("worker.lost", worker_id=str(self._identity.id))
            row = replace(self._identity.reborn(), ordered=self._ordered)
            await store.workers.register(row, now=self._clock.now())
            self._identity.id = row.id
            self._renewed_at = asked_at
            _tell(worker_loop, self._listeners.lost)


async def _pause(stopped: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopped.wait()
    except TimeoutError:
        return


def _tell(loop: asyncio.AbstractEventLoop, listener: Callable[[], Awaitable[None]], *, stale_at: float = inf) -> None:
    """Call a listener on the loop of the worker, unless that loop turns only after `stale_at`, in monotonic seconds."""

    async def hear() -> None:
        if time.monotonic() > stale_at:
            return
        try:
            await listener()
        except NaradError as error:
            log.warning("heartbeat.unheard", reason=str(error))

    asyncio.run_coroutine_threadsafe(hear(), loop)
