"""The HTTP server as a service among others: Uvicorn, without its own hold on signals."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import structlog
import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from narad.errors import ConfigurationError
from narad.service import Service

log = structlog.get_logger(__name__)

_BACKLOG = 2_048
_DRAIN_SECONDS = 10


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the runtime, which stops every service in its turn."""
        yield


class HttpServer(Service):
    """Serves the application on an address that is bound before anything else starts."""

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        """Bind the address.

        Raises:
            ConfigurationError: it cannot be bound.
        """
        super().__init__()
        self._socket = _bind(host, port)
        config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """Where it can be reached."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @override
    async def start(self) -> None:
        self._spawn(self._server.serve(sockets=[self._socket]))
        await self._server.ready.wait()
        log.info("http.listening", url=self.url)

    @override
    async def stop(self) -> None:
        """Take no more connections and let open requests end."""
        self._stopping = True
        self._server.should_exit = True
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._socket.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. Set NARAD_HOST or NARAD_PORT."
        ) from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - positional in the standard library
    return listener
