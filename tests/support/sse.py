"""Streams of server-sent events, as a client gets them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.support.tasks_api import TasksApi

_OPEN_SECONDS = 30.0
_MOST_OF_A_LINE = 1 << 20


@dataclass(frozen=True)
class Frame:
    """What came between two empty lines; `fields` has the last line of each name."""

    fields: Mapping[str, str]

    @property
    def event(self) -> str | None:
        """Its type."""
        return self.fields.get("event")

    @property
    def id(self) -> str | None:
        """Its place in the stream."""
        return self.fields.get("id")

    @property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        """What it says."""
        return json.loads(self.fields["data"])

    @property
    def status(self) -> str:
        """The status of the task that it tells of."""
        return str(self.data["data"]["status"])

    @property
    def task_id(self) -> str:
        """The task that it tells of."""
        return str(self.data["data"]["id"])


class _Parser:
    """Makes frames of lines; comments are left out."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def feed(self, line: str) -> Frame | None:
        """The frame that this line ends."""
        if line:
            name, _, value = line.partition(":")
            if name:
                self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        return Frame(fields) if fields else None


def frames_of(lines: Iterable[str]) -> Iterator[Frame]:
    """The frames in these lines."""
    parser = _Parser()
    for line in lines:
        frame = parser.feed(line)
        if frame is not None:
            yield frame


@contextmanager
def streaming(
    api: TasksApi, path: str, *, params: Mapping[str, Any] | None = None, **headers: str
) -> Iterator[tuple[httpx2.Response, Iterator[Frame]]]:
    """An open stream: the answer, and its frames as they come. The first has come when this begins."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with api.http.stream("GET", path, params=params, headers=named) as answer:
        frames = frames_of(answer.iter_lines())
        if answer.status_code == 200:
            assert "retry" in next(frames).fields
        yield answer, frames


class EventStream:
    """An open stream over a socket of its own, cheap enough for hundreds of them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = _Parser()

    async def frames(self) -> AsyncIterator[Frame]:
        """Its frames, until the server ends it."""
        async for line in self._lines():
            frame = self._parser.feed(line)
            if frame is not None:
                yield frame

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _lines(self) -> AsyncIterator[str]:
        """The lines of the chunks of the body."""
        rest = b""
        while size := int(await self._reader.readline(), 16):
            rest += await self._reader.readexactly(size)
            await self._reader.readline()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line.decode()


@asynccontextmanager
async def connected(url: str, path: str) -> AsyncIterator[EventStream]:
    """An open stream that the service has begun to answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=_MOST_OF_A_LINE)
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        yield EventStream(reader, writer)
    finally:
        writer.close()
