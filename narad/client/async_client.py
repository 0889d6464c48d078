"""The client on a loop."""

from collections.abc import AsyncGenerator, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import httpx2

from narad.client import http, service_flows
from narad.client.async_shell import AsyncShell
from narad.client.async_tasks import AsyncTasks
from narad.client.following import Following
from narad.client.profile import connection
from narad.client.retrying import RetryPolicy
from narad.client.views import Event
from narad.client.wire import Answer
from narad.client.words import Json, Status

if TYPE_CHECKING:
    from narad.client.async_bulk import AsyncBulk
    from narad.client.async_fleet import AsyncAudit, AsyncHandlers, AsyncKeys, AsyncQueues, AsyncWorkers
    from narad.client.fleet_views import Stats, Window


class AsyncClient:
    """A Narad, to be asked over HTTP, from one event loop.

    What is not given comes from NARAD_URL and NARAD_API_KEY, else from the user's profile, else it is this machine.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        profile: str | None = None,
        timeout: float = 10.0,
        max_retries: int = 5,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        """Say which service is meant; nothing is sent yet.

        Args:
            base_url: Its address, such as https://narad.example.org.
            api_key: The key to send.
            profile: The name of a profile, which then wins over the environment.
            timeout: Seconds to wait for an answer, beyond those that a request asks the service to wait.
            max_retries: How often a request is made again that failed for a reason that passes.
            http_client: Your own, for proxies and certificates; it is yours to close.

        Raises:
            ConfigurationError: the address or the profile cannot be used.
        """
        service = connection(base_url, api_key, profile)
        own = http_client or httpx2.AsyncClient(**http.settings(service))
        policy = RetryPolicy(max_retries=max_retries)
        self._closes = http_client is None
        self._use(AsyncShell(connections=own, service=service, timeout=timeout, policy=policy))

    def _use(self, shell: AsyncShell) -> None:
        self._shell = shell
        self.tasks = AsyncTasks(shell)

    @cached_property
    def bulk(self) -> "AsyncBulk":
        """Operations on many tasks."""
        from narad.client.async_bulk import AsyncBulk  # noqa: PLC0415 - loaded when needed

        return AsyncBulk(self._shell)

    @cached_property
    def handlers(self) -> "AsyncHandlers":
        """The handlers that workers have published."""
        from narad.client.async_fleet import AsyncHandlers  # noqa: PLC0415 - loaded when needed

        return AsyncHandlers(self._shell)

    @cached_property
    def queues(self) -> "AsyncQueues":
        """The queues that handlers, workers or tasks name."""
        from narad.client.async_fleet import AsyncQueues  # noqa: PLC0415 - loaded when needed

        return AsyncQueues(self._shell)

    @cached_property
    def workers(self) -> "AsyncWorkers":
        """The workers, and orders to them."""
        from narad.client.async_fleet import AsyncWorkers  # noqa: PLC0415 - loaded when needed

        return AsyncWorkers(self._shell)

    @cached_property
    def keys(self) -> "AsyncKeys":
        """The API keys."""
        from narad.client.async_fleet import AsyncKeys  # noqa: PLC0415 - loaded when needed

        return AsyncKeys(self._shell)

    @cached_property
    def audit(self) -> "AsyncAudit":
        """What was changed and by whom."""
        from narad.client.async_fleet import AsyncAudit  # noqa: PLC0415 - loaded when needed

        return AsyncAudit(self._shell)

    @property
    def base_url(self) -> str:
        """The address of the service."""
        return self._shell.service.url

    def with_options(self, *, timeout: float | None = None, max_retries: int | None = None) -> "AsyncClient":
        """A client over the same connections with other options; the one it is of closes them."""
        other = object.__new__(type(self))
        other._closes = False
        other._use(self._shell.with_options(timeout, max_retries))
        return other

    async def stats(self, window: "Window" = "5m") -> "Stats":
        """How many tasks there are by status, and what happened of late, overall and by handler."""
        from narad.client import fleet_flows  # noqa: PLC0415 - loaded when needed
        from narad.client.fleet_views import Stats  # noqa: PLC0415 - loaded when needed

        return await self._shell.run(fleet_flows.read(Stats, "stats", window=window))

    def events(
        self,
        *,
        types: Sequence[str] = (),
        status: Sequence[Status] = (),
        task_ids: Sequence[str] = (),
        after: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Follow what happens to tasks, for ever; each event is a hint to read its task.

        Args:
            types: Types of events, such as `task.failed`; all unless given.
            status: Statuses that the tasks have got.
            task_ids: The tasks.
            after: The `place` of an event; what came after it is told first, or `resync` where that is gone.
        """
        path, query = service_flows.events(types, status, task_ids)
        return self._shell.follow(Following(path, query, self._shell.policy, of_one_task=False, after=after))

    async def request(self, method: str, path: str, body: Json = None) -> Answer:
        """Make a request as it is, such as `GET /api/v1/tasks?limit=1`.

        Raises:
            ApiError: the service said no.
        """
        return await self._shell.run(service_flows.raw(method, path, body))

    async def close(self) -> None:
        """Close the connections."""
        if self._closes:
            await self._shell.connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
