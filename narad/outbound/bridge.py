"""The client of `def` handlers: the same transport, on a loop in a thread of its own.

There is one guard and one way to connect; what blocks is only the thread that asked.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from contextlib import aclosing
from typing import Any, TypeVar

import httpx2
from typing_extensions import override

from narad.outbound.network import Resolve
from narad.outbound.options import OutboundOptions
from narad.outbound.transport import BoundedResponse, GuardedTransport

T = TypeVar("T")

_END_SECONDS = 5.0
_STOPS = "the worker stops"


class BridgeTransport(httpx2.BaseTransport):
    """Passes each request to the loop, and waits there until its answer is whole."""

    def __init__(self, options: OutboundOptions, resolve: Resolve) -> None:
        self._options = options
        self._resolve = resolve
        self._loop = asyncio.new_event_loop()
        self._transport: GuardedTransport | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="narad-http", daemon=True)
        self._thread.start()

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        return self._wait(self._exchange(request))

    @override
    def close(self) -> None:
        """Nothing: a client that ends leaves the connections to the others."""

    def shut(self) -> None:
        """Give up what is under way, close every connection and end the thread."""
        self._wait(self._end())
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    async def _end(self) -> None:
        # Whoever waits for one of them would else wait for ever.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._transport is not None:
            await self._transport.shut()

    async def _exchange(self, request: httpx2.Request) -> httpx2.Response:
        if self._transport is None:
            self._transport = GuardedTransport(self._options, self._resolve)
        answer = await self._transport.handle_async_request(request)
        try:
            async with aclosing(answer.aiter_raw()) as parts:
                raw = b"".join([part async for part in parts])
        finally:
            await answer.aclose()
        known = {
            name: answer.extensions[name] for name in ("http_version", "reason_phrase") if name in answer.extensions
        }
        stream = httpx2.ByteStream(raw)
        return BoundedResponse(answer.status_code, answer.headers.raw, stream, known, self._options.most_bytes)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise httpx2.NetworkError(_STOPS)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise httpx2.NetworkError(_STOPS) from None
        except BaseException:
            # Also a handler that is stopped while it waits.
            future.cancel()
            raise
