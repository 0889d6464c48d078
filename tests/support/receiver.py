"""A real HTTP server on a port of its own, that answers as a test wants it to, well or badly, and keeps what it got."""

import asyncio
import itertools
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

_STOP_SECONDS = 10
_LAST_TURNS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived; names of headers in lower case, `connection` counts from 1."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


Reply: TypeAlias = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def plain(status: int, body: bytes = b"", **headers: str) -> Reply:
    """An answer of a status, a body and headers, in which underscores stand for dashes."""
    names = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in names.items())
    whole = f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body

    async def reply(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(whole)

    return reply


def in_turn(*replies: Reply) -> Reply:
    """One answer after another; the last for ever."""
    left = list(replies)

    async def reply(received: Received, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(received, writer)

    return reply


async def echo(received: Received, writer: asyncio.StreamWriter) -> None:
    """What was received, as JSON."""
    said = {"method": received.method, "path": received.path, "body": received.body.decode()}
    await plain(200, json.dumps(said).encode(), content_type="application/json")(received, writer)


async def silence(_received: Received, _writer: asyncio.StreamWriter) -> None:
    """Nothing, for ever."""
    await asyncio.Event().wait()


async def drip(_received: Received, writer: asyncio.StreamWriter) -> None:
    """A body that never ends, a byte at a time, each long before any timeout between two bytes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(_received: Received, writer: asyncio.StreamWriter) -> None:
    """A body that never ends, as fast as it goes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


class Receiver:
    """The server, in a thread of its own while the block lasts; a path without a reply echoes."""

    def __init__(self, replies: Mapping[str, Reply] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.replies = dict(replies or {})
        self.received: list[Received] = []
        self.port = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)
        self._connections = itertools.count(1)
        self._serving: set[asyncio.Task[None] | None] = set()

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(_STOP_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        # A connection that was accepted in this very moment gets its task a few turns of the loop later.
        for _ in range(_LAST_TURNS):
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)
        self._serving.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._connections)
        # The loop holds tasks weakly, and nobody else knows of one that waits for an event of its own.
        self._serving.add(asyncio.current_task())
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                while True:
                    received = await _read(reader, number)
                    self.received.append(received)
                    await self.replies.get(received.path.partition("?")[0], echo)(received, writer)
                    await writer.drain()
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method=method, path=path, headers=headers, body=body, connection=connection)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readline()).strip(), 16)
        body += (await reader.readexactly(size + 2))[:size]
        if size == 0:
            return body
