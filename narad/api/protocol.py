"""HTTP connections with limits: of the head of a request, of the time to send one, of their number.

Uvicorn leaves these to a proxy, which a small installation does not have.
"""

import json
from dataclasses import dataclass
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from narad.api import problems
from narad.api.problems import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one client may ask of a connection, and how many connections there may be."""

    most_header_bytes: int
    receive_seconds: float
    send_seconds: float
    most_connections: int


class _HeadTooLargeError(Exception):
    """The head of a request is larger than it may be; the parser makes a refusal of it."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. `limits` is set in a subclass, since Uvicorn makes the instances."""

    limits: ConnectionLimits

    _receiving_since: float | None = None
    _stalled_since: float | None = None
    _served: RequestResponseCycle | None = None
    _head_bytes = 0
    _refusal = problems.HTTP_ERROR
    _refusal_detail = "The request is not HTTP."

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._receiving_since = self.loop.time()
        if len(self.connections) > self.limits.most_connections:
            self._refuse(problems.REDUCED_CAPACITY, "As many connections are open as may be.")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._receiving_since = self.loop.time()

    @override
    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    @override
    def on_message_complete(self) -> None:
        self._receiving_since = None
        super().on_message_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal, self._refusal_detail)

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        # Uvicorn tells the request that came last, which with others behind it is not the one that is being answered.
        if self._served is not None:
            self._served.disconnected = True
            self._served.message_event.set()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_since = self.loop.time()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled_since = None

    def drop_if_slow(self, now: float) -> None:
        """Close a connection that has stood still for too long at `now`, by the clock of the loop.

        Its request has been on its way all the time, or its client has taken nothing of what waits for it.
        """
        if self._stalled_since is not None and now - self._stalled_since >= self.limits.send_seconds:
            self.transport.abort()
            return
        since = self._receiving_since
        if since is None or now - since < self.limits.receive_seconds or self.transport.is_closing():
            return
        if self._has_open_cycle():
            self.transport.close()  # its body is awaited by the application, which hears of the end
        else:
            detail = f"No request arrived within {self.limits.receive_seconds:g} s."
            self._refuse(problems.REQUEST_TIMEOUT, detail)

    def _has_open_cycle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request, whatever its annotation says
        return cycle is not None and not cycle.response_complete

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.limits.most_header_bytes:
            self._refusal = problems.HEADERS_TOO_LARGE
            self._refusal_detail = f"The head of the request has more than {self.limits.most_header_bytes} bytes."
            raise _HeadTooLargeError

    def _refuse(self, kind: Kind, detail: str) -> None:
        """Answer outside any request, and close."""
        body = {"type": f"/problems/{kind.slug}", "title": kind.title, "status": kind.status, "detail": detail}
        content = json.dumps({**body, "code": kind.code}).encode()
        head = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(
            content
        )
        self.transport.write(STATUS_LINE[kind.status] + head + content)
        self.transport.close()
