"""The transport of every client: guarded, within a time for the whole exchange, and with answers of a bounded size.

Clients are made for one attempt each, so that cookies and headers of one task never reach another; what they share is
this transport with its connections.
"""

import asyncio
import codecs
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import httpcore2
import httpx2
from typing_extensions import override

from narad.outbound.guard import Guard
from narad.outbound.network import GuardedBackend, Resolve
from narad.outbound.options import LONGEST_SECONDS, OutboundOptions
from narad.outbound.refusals import AnswerRefused

_DEFAULT_PORTS = {"http": 80, "https": 443}
_IDLE_CONNECTIONS = 20
_IDLE_SECONDS = 5.0
_CHARSETS = re.compile(
    r"ascii|utf-(8(-sig)?|16|32)(-[lb]e)?|iso8859-\d+|cp\d+|koi8-[ru]|shift_jis|euc_(jp|kr)|gb(k|2312|18030)|big5"
)
"""Python knows more, and some of them decompress, or take the square of the time."""
_CODINGS = frozenset({"gzip", "deflate", "br", "zstd"})

_ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = tuple(
    (getattr(httpcore2, name), getattr(httpx2, name))
    for name in (
        # The particular before the general, for the first that fits is taken.
        "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "TimeoutException",
        "ConnectError", "ReadError", "WriteError", "NetworkError",
        "LocalProtocolError", "RemoteProtocolError", "ProtocolError", "ProxyError", "UnsupportedProtocol",
    )
)  # fmt: skip


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests where the guard lets them go. The timeout of one is for all of it, to the last byte."""

    def __init__(self, options: OutboundOptions, resolve: Resolve) -> None:
        self._guard = Guard(options)
        self._options = options
        context = httpcore2.default_ssl_context()
        if options.ca_file:
            context.load_verify_locations(options.ca_file)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            # A proxy looks after addresses itself. Where it cannot be reached, nothing goes past it.
            proxy=_proxy(options.proxy) if options.proxy else None,
            network_backend=None if options.proxy else GuardedBackend(self._guard, resolve),
            max_connections=options.most_connections,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
        )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        port = _DEFAULT_PORTS.get(url.scheme, 0) if url.port is None else url.port
        self._guard.check_target(url.scheme, url.userinfo.decode(), url.raw_host.decode(), port)
        seconds = self._seconds(request.extensions.get("timeout"))
        deadline = asyncio.get_running_loop().time() + seconds
        with _translated():
            async with asyncio.timeout_at(deadline):
                answer = await self._pool.handle_async_request(_outgoing(request, seconds))
        assert isinstance(answer.stream, AsyncIterable)  # noqa: S101 - what an asynchronous pool returns
        stream = _Stream(answer.stream, deadline, self._options.most_bytes)
        try:
            return BoundedResponse(answer.status, answer.headers, stream, answer.extensions, self._options.most_bytes)
        except AnswerRefused:
            await stream.aclose()
            raise

    @override
    async def aclose(self) -> None:
        """Nothing: a client that ends leaves the connections to the others."""

    async def shut(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    def _seconds(self, timeout: Any) -> float:  # noqa: ANN401 - extensions are open
        if not timeout:
            return self._options.timeout_seconds
        given = [LONGEST_SECONDS if limit is None else float(limit) for limit in timeout.values()]
        return min(LONGEST_SECONDS, max(given))


class BoundedResponse(httpx2.Response):
    """An answer that ends where it grows too large, compressed or not."""

    def __init__(
        self,
        status: int,
        headers: list[tuple[bytes, bytes]],
        stream: "httpx2.AsyncByteStream | httpx2.SyncByteStream",
        extensions: Any,  # noqa: ANN401 - extensions are open
        most_bytes: int,
    ) -> None:
        self._most_bytes = most_bytes
        super().__init__(status, headers=headers, stream=stream, extensions=extensions)
        self._see_plain()

    @property
    @override
    def charset_encoding(self) -> str | None:
        named = super().charset_encoding
        try:
            return named if named and _CHARSETS.fullmatch(codecs.lookup(named).name) else None
        except LookupError:
            return None

    @override
    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        size = 0
        async with aclosing(super().aiter_bytes(chunk_size)) as parts:
            async for part in parts:
                size += len(part)
                _see_bounded(size, self._most_bytes)
                yield part

    @override
    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        size = 0
        for part in super().iter_bytes(chunk_size):
            size += len(part)
            _see_bounded(size, self._most_bytes)
            yield part

    def _see_plain(self) -> None:
        """See that the body is compressed once at most: what is in between two layers has no bounds."""
        codings = [value.strip().lower() for value in self.headers.get_list("content-encoding", split_commas=True)]
        wild = [coding for coding in codings if coding not in {"identity", ""}]
        if len(wild) > 1 or not _CODINGS.issuperset(wild):
            raise AnswerRefused(f"The answer is encoded as {', '.join(wild)[:100]}, which was not asked for.")


class _Stream(httpx2.AsyncByteStream):
    """The body as it comes, until the time is over or there is too much of it."""

    def __init__(self, parts: AsyncIterable[bytes], deadline: float, most_bytes: int) -> None:
        self._parts = parts
        self._deadline = deadline
        self._most_bytes = most_bytes

    @override
    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        size = 0
        parts = aiter(self._parts)
        while True:
            with _translated():
                async with asyncio.timeout_at(self._deadline):
                    part = await anext(parts, None)
            if part is None:
                return
            size += len(part)
            _see_bounded(size, self._most_bytes)
            yield part

    @override
    async def aclose(self) -> None:
        close = getattr(self._parts, "aclose", None)
        if close is not None:
            with _translated():
                await close()


def _see_bounded(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise AnswerRefused(f"The answer is larger than {most_bytes} bytes; NARAD_HTTP_MAX_BYTES sets the limit.")


def _outgoing(request: httpx2.Request, connect_seconds: float) -> httpcore2.Request:
    """The request for the layer below, where only connecting has a time of its own: the whole has its deadline here."""
    assert isinstance(request.stream, AsyncIterable)  # noqa: S101 - what an asynchronous client sends
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions={**request.extensions, "timeout": {"connect": connect_seconds}},
    )


def _proxy(address: str) -> httpcore2.Proxy:
    url = httpx2.URL(address)
    plain = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
    auth = (url.username.encode(), url.password.encode()) if url.userinfo else None
    context: ssl.SSLContext | None = httpcore2.default_ssl_context() if url.scheme == "https" else None
    return httpcore2.Proxy(plain, auth=auth, ssl_context=context)


@contextmanager
def _translated() -> Generator[None]:
    """Errors of the layer below become those that users of a client know."""
    try:
        yield
    except TimeoutError:
        raise httpx2.ReadTimeout("the whole exchange took longer than its timeout") from None
    except Exception as error:
        for theirs, ours in _ERRORS:
            if isinstance(error, theirs):
                raise ours(str(error)) from None
        raise
