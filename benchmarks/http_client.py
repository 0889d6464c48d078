"""A plain HTTP client over one keep-alive connection, which takes the time of each request."""

import http.client
import json
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 60.0
_OF_BROWSERS = {"Accept": "text/html,*/*"}


class Client:
    """One connection to an API, open from `with` on."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=_TIMEOUT_SECONDS
        )

    def __enter__(self) -> Self:
        self._connection.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def status(self, method: str, path: str, body: str | None = None) -> int:
        """Send a request; the status of the answer."""
        return self._send(method, path, body)[0]

    def send(self, method: str, path: str, body: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Send a request that must succeed; the decoded answer."""
        status, text = self._send(method, path, body)
        if status >= http.client.BAD_REQUEST:
            raise AssertionError(f"{method} {path}: {status} {text[:300]!r}")
        return json.loads(text)

    def time(self, path: str, count: int) -> list[float]:
        """Read a path many times, one after another; the seconds that each took."""
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            self.send("GET", path)
            times.append(time.perf_counter() - begin)
        return times

    def first_byte(self, path: str) -> float:
        """Read a page; the seconds until its answer began."""
        begin = time.perf_counter()
        self._connection.request("GET", path, headers=_OF_BROWSERS)
        answer = self._connection.getresponse()
        took = time.perf_counter() - begin
        _whole(path, answer)
        return took

    def read(self, path: str) -> bytes:
        """Read a page, or what it loads."""
        self._connection.request("GET", path, headers=_OF_BROWSERS)
        return _whole(path, self._connection.getresponse())

    def _send(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _whole(path: str, answer: http.client.HTTPResponse) -> bytes:
    content = answer.read()
    if answer.status != http.client.OK:
        raise AssertionError(f"GET {path}: {answer.status} {content[:300]!r}")
    return content
