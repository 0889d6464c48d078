"""A whole service in the process of the tests: every role, real HTTP, and a clock to be moved.

It runs on a loop of its own in a thread of its own. So a test may be a coroutine or not, whatever runs coroutines, and
a test that blocks, or never comes back to its loop, does not keep the service from working.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import Future
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import httpx2

from narad.client import AsyncClient, Client
from narad.client.async_tasks import AsyncTasks
from narad.domain.task import Task
from narad.errors import ConfigurationError
from narad.runtime import ALL_ROLES, BUILT_IN, Runtime, build
from narad.settings import Settings
from narad.testing.clock import FrozenClock
from narad.testing.doing import Doing
from narad.testing.idle import Work, work_left
from narad.worker.handler import AnyHandler
from narad.worker.loading import load_handlers

T = TypeVar("T")

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.01
_LONGEST_LEASE_SECONDS = 86_400.0
_NO_CONNECTIONS = httpx2.Limits(max_keepalive_connections=0)

# What costs waiting is short. The lease is long: the only worker lives as long as its rescuer, and a clock that jumps
# must not declare it lost.
_QUICK: Mapping[str, object] = {
    "port": 0,
    "lease_seconds": _LONGEST_LEASE_SECONDS,
    "heartbeat_seconds": 0.5,
    "rescue_seconds": 1.0,
    "poll_seconds": 0.02,
    "sweep_seconds": 0.05,
    "expire_seconds": 0.05,
    "bulk_seconds": 0.1,
    "catalogue_seconds": 0.1,
    "stats_seconds": 0.2,
    "cancel_grace_seconds": 1.0,
    "drain_seconds": 0.1,
}


class EmbeddedService:
    """All four roles on one database. `url` is where it listens; `tasks`, `client` and `sync_client` speak to it.

    What it does on request begins at once; `await` it in a coroutine, or `.wait()` for it elsewhere.
    """

    def __init__(
        self,
        database_url: str,
        *,
        handlers: Iterable[AnyHandler] = (),
        modules: Iterable[str] = (),
        clock: FrozenClock | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """`modules` are imported and their handlers run, besides `handlers`; `settings` win over those of the kit.

        Raises:
            ConfigurationError: a setting is unknown or not valid, or handlers cannot be loaded.
        """
        self.clock = clock or FrozenClock()
        named = tuple(modules)
        self._handlers = load_handlers([*BUILT_IN, *named], handlers)
        # The modules are named as well, for their lifespans.
        self._settings = _settings(database_url, self._queues, {"handlers": named, **(settings or {})})
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._runtime: Runtime | None = None
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, name="narad-testing", daemon=True)
        self._doings: list[Doing[Any]] = []

    @cached_property
    def client(self) -> AsyncClient:
        """A client for coroutines. It keeps no connection, so it may be used on any loop, and needs no closing."""

        async def forget(request: httpx2.Request) -> None:
            _forget_key(request)

        connections = httpx2.AsyncClient(trust_env=False, limits=_NO_CONNECTIONS, event_hooks={"request": [forget]})
        return AsyncClient(self.url, http_client=connections)

    @cached_property
    def sync_client(self) -> Client:
        """A client for tests that are no coroutines."""
        hooks = {"request": [_forget_key]}
        return Client(self.url, http_client=httpx2.Client(trust_env=False, limits=_NO_CONNECTIONS, event_hooks=hooks))

    @property
    def tasks(self) -> AsyncTasks:
        """The tasks, over HTTP: short for `client.tasks`."""
        return self.client.tasks

    @property
    def url(self) -> str:
        """Where it can be reached."""
        server = self._running.server
        if server is None:
            raise LookupError("the service has no HTTP server")
        return server.url

    def start(self) -> None:
        """Start, and wait until everything serves; whatever keeps it from that is raised here."""
        self._thread.start()
        self._ready.result(_START_SECONDS)

    def close(self) -> None:
        """Drain and stop.

        Raises:
            AssertionError: something that was asked of it was neither awaited nor waited for.
        """
        if self._thread.is_alive() and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_START_SECONDS)
        unheeded = [doing.what for doing in self._doings if not doing.heeded]
        if unheeded:
            raise AssertionError(f"{unheeded[0]} was neither awaited nor waited for: add await, or .wait().")

    def run_until_idle(self, timeout: float = 30.0) -> Doing[None]:
        """Run everything that is due by the clock; what waits for its time goes on waiting.

        Raises:
            TimeoutError: something was still due after `timeout` seconds; the text names it.
        """
        return self._do("run_until_idle()", self._until_idle(timeout))

    def drain(self, timeout: float = 30.0) -> Doing[None]:
        """Run everything to its end, moving the clock on to whatever waits for its time: back-off, delays, expiry.

        Raises:
            TimeoutError: something had not ended after `timeout` seconds; the text names it.
        """
        return self._do("drain()", self._drain(timeout))

    def advance(self, by: timedelta | float) -> Doing[None]:
        """Move the clock on by a timedelta or so many seconds, and run what is due then."""
        self.clock.advance(by)
        return self._do("advance()", self._until_idle(30.0))

    def task(self, task_id: UUID | str) -> Doing[Task | None]:
        """The task as it is stored, without the way over HTTP; None where there is none."""
        return self._do("task()", self._task(UUID(str(task_id))))

    @property
    def _queues(self) -> tuple[str, ...]:
        return tuple(sorted({"default"} | {handler.options.queue for handler in self._handlers.values()}))

    @property
    def _running(self) -> Runtime:
        if self._runtime is None:
            raise LookupError("the service is not started")
        return self._runtime

    def _do(self, what: str, work: Coroutine[None, None, T]) -> Doing[T]:
        if self._loop is None or not self._thread.is_alive():
            work.close()
            raise LookupError("the service is not started")
        doing = Doing(what, asyncio.run_coroutine_threadsafe(work, self._loop))
        self._doings.append(doing)
        return doing

    def _live(self) -> None:
        """The whole life of the thread."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runtime = await build(
            self._settings, ALL_ROLES, migrates=True, clock=self.clock, handlers=self._handlers.values()
        )
        await runtime.start()
        self._runtime = runtime
        self._ready.set_result(None)
        try:
            await self._stop.wait()
        finally:
            await runtime.stop()

    async def _until_idle(self, timeout: float) -> None:  # noqa: ASYNC109 - it is told what is left
        end_at = asyncio.get_running_loop().time() + timeout
        await self._idle(end_at, timeout)

    async def _drain(self, timeout: float) -> None:  # noqa: ASYNC109 - it is told what is left
        end_at = asyncio.get_running_loop().time() + timeout
        while (next_at := (await self._idle(end_at, timeout)).next_at) is not None:
            self.clock.move_to(next_at)

    async def _idle(self, end_at: float, timeout: float) -> Work:  # noqa: ASYNC109 - for the message
        """Wait until nothing is due; events are hints, so the store is looked at again and again."""
        runtime = self._running
        while (work := await work_left(runtime.store.lists, self.clock.now())).due:
            if any(service.died.is_set() for service in runtime.services):
                raise RuntimeError("A part of the service died; its log says why.")
            if asyncio.get_running_loop().time() > end_at:
                raise TimeoutError(f"After {timeout:g} s this is still due:\n{work.told(self._queues)}")
            await asyncio.sleep(_LOOK_SECONDS)
        return work

    async def _task(self, task_id: UUID) -> Task | None:
        return await self._running.store.tasks.get(task_id)


def _forget_key(request: httpx2.Request) -> None:
    """A key in the environment belongs to somebody's service, and goes to no other."""
    request.headers.pop("Authorization", None)


def _settings(database_url: str, queues: tuple[str, ...], given: Mapping[str, object]) -> Settings:
    """Those of the kit and of the test, and nothing from the environment or a `.env`: that may be somebody's service.

    Raises:
        ConfigurationError: one is unknown or not valid.
    """
    unknown = sorted(set(given) - set(Settings.model_fields))
    if unknown:
        raise ConfigurationError(f"There is no setting {unknown[0]}: use names such as backoff_seconds.")
    values: dict[str, Any] = {**_QUICK, "database_url": database_url, "queues": queues, **given}
    return Settings(_env_file=None, **values)
