"""One HTTP/1.1 connection with one request under way at a time, reading no more of an answer than it must."""

import asyncio
from collections.abc import Callable
from typing import cast

from typing_extensions import override

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_STATUS = slice(9, 12)


class Connection(asyncio.Protocol):
    """Sends prepared bytes, and calls back with the status of each answer, or with 0 when the connection is lost."""

    def __init__(self, request: bytes, answered: Callable[["Connection", int], object]) -> None:
        self._request = request
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._wanted = 0
        self._lost = asyncio.Event()
        self.started = 0.0

    def send(self, started: float) -> None:
        """Send the request, counted as begun at `started`; there must be none under way."""
        assert self._transport is not None  # noqa: S101 - connected before it is given out
        self.started = started
        self._transport.write(self._request)

    async def close(self) -> None:
        """Close it; nothing is called back any more."""
        self._answered = _unheard
        if self._transport is not None:
            self._transport.close()
            await self._lost.wait()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, which is not derived from it

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._answered(self, 0)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not self._wanted:
            end = buffer.find(_END_OF_HEAD)
            if end < 0:
                return
            self._wanted = end + len(_END_OF_HEAD) + _content_length(buffer[:end])
        if len(buffer) >= self._wanted:
            status = int(buffer[_STATUS])
            self._buffer, self._wanted = b"", 0
            self._answered(self, status)


def _unheard(_connection: Connection, _status: int) -> None:
    return


def _content_length(head: bytes) -> int:
    begin = head.lower().find(_LENGTH)
    if begin < 0:
        return 0
    return int(head[begin + len(_LENGTH) :].partition(b"\r\n")[0])
