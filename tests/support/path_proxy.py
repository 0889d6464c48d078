"""A reverse proxy as people put one before Narad: it publishes the service under a path, and takes that path off."""

from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Final, Self

from typing_extensions import override

_CHUNK: Final = 65_536
_SECONDS: Final = 60.0
_OF_ONE_HOP: Final = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class PathProxy:
    """Answers under a path of its own port with what the service on another port answers without it."""

    def __init__(self, target: int, path: str) -> None:
        class Handler(_Handler):
            service = target
            prefix = path

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name=f"{path} of {target}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without the path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Answer nothing more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    service: int
    prefix: str

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    @override
    def log_message(self, format: str, *args: object) -> None:
        return

    def _forward(self) -> None:
        if not self.path.startswith(f"{self.prefix}/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
        connection = HTTPConnection("127.0.0.1", self.service, timeout=_SECONDS)
        with suppress(OSError):  # either side may go, in the middle of a stream too
            connection.request(self.command, self.path.removeprefix(self.prefix), body or None, headers)
            self._answer(connection)
        connection.close()

    def _answer(self, connection: HTTPConnection) -> None:
        answer = connection.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        while data := answer.read1(_CHUNK):
            self.wfile.write(data)
            self.wfile.flush()
