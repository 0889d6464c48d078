"""The HTTP server as a service among others: Uvicorn, without its own hold on signals."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator, Sequence

import structlog
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from narad.api.protocol import ConnectionLimits, LimitedProtocol
from narad.errors import ConfigurationError
from narad.service import Service

log = structlog.get_logger(__name__)

_BACKLOG = 2_048
_DRAIN_SECONDS = 10
_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 1.0
"""Time that clients have to take the rest of an answer when the server stops."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def abort_stalled(self) -> None:
        """Cut off clients that do not read what they are sent: they would hold up the end of the process."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, LimitedProtocol) and connection.flow.write_paused:
                connection.transport.abort()

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the runtime, which stops every service in its turn."""
        yield


class HttpServer(Service):
    """Serves the application on an address that is bound before anything else starts."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        limits: ConnectionLimits,
        proxies: Sequence[str] = (),
        drain: Callable[[], None] = lambda: None,
        settings: str = "NARAD_HOST or NARAD_PORT",
    ) -> None:
        """Bind the address, which these settings give.

        `proxies` are those whose word is taken for where a request comes from; `drain` ends the requests that would
        last: streams and waits.

        Raises:
            ConfigurationError: it cannot be bound.
        """
        super().__init__()
        self._drain = drain
        self._socket = _bind(host, port, settings)
        config = uvicorn.Config(
            app,
            loop="none",
            http=type("Protocol", (LimitedProtocol,), {"limits": limits}),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be reached."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @override
    async def start(self) -> None:
        self._serving = self._spawn(self._server.serve(sockets=[self._socket]))
        self._spawn(self._drop_slow())
        await self._server.ready.wait()
        log.info("http.listening", url=self.url)

    @override
    async def stop(self) -> None:
        """Take no more connections and let open requests end.

        Requests that last are ended first: the server would wait for them, and be cut off with them in the end.
        """
        self._stopping = True
        self._drain()
        self._server.should_exit = True
        leftovers = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._server.abort_stalled)
        if self._serving is not None:
            await asyncio.wait([self._serving])
        leftovers.cancel()
        await super().stop()
        self._socket.close()

    async def _drop_slow(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = asyncio.get_running_loop().time()
            for connection in list(self._server.server_state.connections):
                if isinstance(connection, LimitedProtocol):
                    connection.drop_if_slow(now)


def _bind(host: str, port: int, settings: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Set {settings}."
        ) from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - positional in the standard library
    return listener
