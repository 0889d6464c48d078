"""The client that blocks."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import httpx2

from narad.client import http, service_flows
from narad.client.following import Following
from narad.client.profile import connection
from narad.client.retrying import RetryPolicy
from narad.client.shell import Shell
from narad.client.tasks import Tasks
from narad.client.views import Event
from narad.client.wire import Answer
from narad.client.words import Json, Status

if TYPE_CHECKING:
    from narad.client.bulk import Bulk
    from narad.client.fleet import Audit, Handlers, Keys, Queues, Workers
    from narad.client.fleet_views import Stats, Window


class Client:
    """A Narad, to be asked over HTTP; may be used by several threads.

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
        http_client: httpx2.Client | None = None,
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
        own = http_client or httpx2.Client(**http.settings(service))
        policy = RetryPolicy(max_retries=max_retries)
        self._closes = http_client is None
        self._use(Shell(connections=own, service=service, timeout=timeout, policy=policy))

    def _use(self, shell: Shell) -> None:
        self._shell = shell
        self.tasks = Tasks(shell)

    @cached_property
    def bulk(self) -> "Bulk":
        """Operations on many tasks."""
        from narad.client.bulk import Bulk  # noqa: PLC0415 - loaded when needed

        return Bulk(self._shell)

    @cached_property
    def handlers(self) -> "Handlers":
        """The handlers that workers have published."""
        from narad.client.fleet import Handlers  # noqa: PLC0415 - loaded when needed

        return Handlers(self._shell)

    @cached_property
    def queues(self) -> "Queues":
        """The queues that handlers, workers or tasks name."""
        from narad.client.fleet import Queues  # noqa: PLC0415 - loaded when needed

        return Queues(self._shell)

    @cached_property
    def workers(self) -> "Workers":
        """The workers, and orders to them."""
        from narad.client.fleet import Workers  # noqa: PLC0415 - loaded when needed

        return Workers(self._shell)

    @cached_property
    def keys(self) -> "Keys":
        """The API keys."""
        from narad.client.fleet import Keys  # noqa: PLC0415 - loaded when needed

        return Keys(self._shell)

    @cached_property
    def audit(self) -> "Audit":
        """What was changed and by whom."""
        from narad.client.fleet import Audit  # noqa: PLC0415 - loaded when needed

        return Audit(self._shell)

    @property
    def base_url(self) -> str:
        """The address of the service."""
        return self._shell.service.url

    def with_options(self, *, timeout: float | None = None, max_retries: int | None = None) -> "Client":
        """A client over the same connections with other options; the one it is of closes them."""
        other = object.__new__(type(self))
        other._closes = False
        other._use(self._shell.with_options(timeout, max_retries))
        return other

    def stats(self, window: "Window" = "5m") -> "Stats":
        """How many tasks there are by status, and what happened of late, overall and by handler."""
        from narad.client import fleet_flows  # noqa: PLC0415 - loaded when needed
        from narad.client.fleet_views import Stats  # noqa: PLC0415 - loaded when needed

        return self._shell.run(fleet_flows.read(Stats, "stats", window=window))

    def events(
        self,
        *,
        types: Sequence[str] = (),
        status: Sequence[Status] = (),
        task_ids: Sequence[str] = (),
        after: str | None = None,
    ) -> Iterator[Event]:
        """Follow what happens to tasks, for ever; each event is a hint to read its task.

        Args:
            types: Types of events, such as `task.failed`; all unless given.
            status: Statuses that the tasks have got.
            task_ids: The tasks.
            after: The `place` of an event; what came after it is told first, or `resync` where that is gone.
        """
        path, query = service_flows.events(types, status, task_ids)
        return self._shell.follow(Following(path, query, self._shell.policy, of_one_task=False, after=after))

    def request(self, method: str, path: str, body: Json = None) -> Answer:
        """Make a request as it is, such as `GET /api/v1/tasks?limit=1`.

        Raises:
            ApiError: the service said no.
        """
        return self._shell.run(service_flows.raw(method, path, body))

    def close(self) -> None:
        """Close the connections."""
        if self._closes:
            self._shell.connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
