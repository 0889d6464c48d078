"""A TCP proxy between Narad and a server: it cuts connections, keeps them and forwards nothing, or loses answers."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from tests.support.ports import free_port

_CHUNK = 65_536
_CALL_SECONDS = 10.0
_LOSS_SECONDS = 30.0
_LAST_TURNS = 5
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

T = TypeVar("T")


class Proxy:
    """Forwards a port of its own to a port of 127.0.0.1, on a loop and a thread of its own, until it is closed."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {target}", daemon=True)
        self._listener: asyncio.Server | None = None
        self._requests_flow = asyncio.Event()
        self._answers_flow = asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()
        self._losing: bytes | None = None
        self._lost = threading.Event()
        self._thread.start()
        self.heal()

    def url(self, original: str) -> str:
        """The address of the same thing through this proxy."""
        parts = urlsplit(original)
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.port}").geturl()

    def cut(self) -> None:
        """Reset all connections and refuse new ones, like a server that is not there."""
        self._call(self._cut())

    def black_hole(self) -> None:
        """Keep and take connections, and forward nothing either way, like a network that drops every packet.

        What was sent meanwhile arrives when it is healed, as TCP would send it again, also from who has hung up since.
        """
        self._call(self._forward(requests=False, answers=False))

    def hold_answers(self) -> None:
        """Forward what clients say, and hold what the server says; a `cut` then loses it for good."""
        self._call(self._forward(requests=True, answers=False))

    def lose_answer(self, about: bytes) -> None:
        """Lose one answer: the first that these bytes occur in, or in the request before it.

        The server has done what it was asked; the client sees its connection reset instead of hearing of it.
        """
        self._lost.clear()
        self._losing = about

    def wait_until_lost(self) -> None:
        """Wait until that answer is lost."""
        assert self._lost.wait(_LOSS_SECONDS), f"no answer about {self._losing!r} within {_LOSS_SECONDS:g} s"

    def heal(self) -> None:
        """Forward again."""
        self._call(self._forward(requests=True, answers=True))

    def close(self) -> None:
        """Cut everything and end the thread."""
        if self._loop.is_closed():
            return
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    async def _forward(self, *, requests: bool, answers: bool) -> None:
        for flow, on in ((self._requests_flow, requests), (self._answers_flow, answers)):
            if on:
                flow.set()
            else:
                flow.clear()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        # A connection that was accepted in this very moment gets its task a few turns of the loop later.
        for _ in range(_LAST_TURNS):
            links = list(self._links)
            for link in links:
                link.cancel()
            await asyncio.gather(*links, return_exceptions=True)
            await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            await self._link(reader, writer)
        except asyncio.CancelledError:
            return  # by `cut`, which has nothing more to say
        finally:
            self._links.discard(link)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte until either side ends it or it is cut."""
        writers = [writer]
        pumps: list[asyncio.Task[None]] = []
        doomed = asyncio.Event()
        try:
            await self._requests_flow.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(far_writer)
            pumps += [
                asyncio.create_task(self._pump_requests(reader, far_writer, doomed)),
                asyncio.create_task(self._pump_answers(far_reader, writer, doomed)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            return  # the server is not there
        except asyncio.CancelledError:
            _reset(writers)
            raise
        finally:
            for pump in pumps:
                pump.cancel()
            # Before anything is waited for: a cut may come while this link ends by itself.
            for each in writers:
                each.close()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        """What the client says, until it ends. `doomed` is set once the answer is to be lost."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._requests_flow.wait()
                if self._is_about(data):
                    doomed.set()
                writer.write(data)
                await writer.drain()

    async def _pump_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        """What the server says, until it ends or is lost."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._answers_flow.wait()
                if doomed.is_set() or self._is_about(data):
                    _reset([writer])
                    self._lost.set()
                    return
                writer.write(data)
                await writer.drain()

    def _is_about(self, data: bytes) -> bool:
        """Whether this is the first that is about what the answer is to be lost to."""
        if self._losing is None or self._losing not in data:
            return False
        self._losing = None
        return True


def _reset(writers: list[asyncio.StreamWriter]) -> None:
    """Have the other ends see a reset instead of an orderly end."""
    for writer in writers:
        held: socket.socket | None = writer.get_extra_info("socket")
        if held is not None:
            with contextlib.suppress(OSError):
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()
