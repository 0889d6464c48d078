"""Connecting: a name is resolved once, every address of it is judged, and one of those is connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from httpcore2 import (
    SOCKET_OPTION,
    AnyIOBackend,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
)
from typing_extensions import override

from narad.outbound.guard import Guard
from narad.outbound.options import TIMEOUT_SECONDS
from narad.outbound.refusals import RequestRefused

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host."""

_MOST_TRIED = 4


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedBackend(AsyncNetworkBackend):
    """Opens connections to addresses that the guard has passed. TLS goes on to see the name, which stays as it was."""

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve
        self._network = AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (TIMEOUT_SECONDS if timeout is None else timeout)
        addresses = await self._addresses(host, port, deadline)
        for left in range(len(addresses), 0, -1):
            share = (deadline - loop.time()) / left
            try:
                return await self._network.connect_tcp(
                    addresses[-left], port, max(0.0, share), local_address, socket_options
                )
            except (ConnectError, ConnectTimeout):
                # What it says has the address in it.
                continue
        raise ConnectError(f"no connection to {host}:{port}: it is refused, or not answered in time")

    @override
    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SOCKET_OPTION] | None = None
    ) -> AsyncNetworkStream:
        raise RequestRefused("Sockets of the file system may not be called.")

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, deadline: float) -> list[str]:
        try:
            async with asyncio.timeout_at(deadline):
                found = await self._resolve(host, port)
        except TimeoutError:
            raise ConnectTimeout(f"the name {host} was not resolved in time") from None
        except (OSError, UnicodeError):  # the latter for a name that can be none
            found = ()
        if not found:
            raise ConnectError(f"the name {host} has no address")
        return self._guard.judge(host, found)[:_MOST_TRIED]
