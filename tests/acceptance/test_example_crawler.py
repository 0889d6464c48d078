"""The example `examples/crawler.py` on a real site of this machine, which the worker is allowed to call."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from tests.support.service import Embedded
from tests.support.tasks_api import Json, TasksApi

PAGES = {
    "/": '<title>Home\n page</title><a href="/a.html">a</a><a href="b.html#part">b</a><a href="/gone">gone</a>'
    '<a href="mailto:x@example.com">mail</a><a href="https://elsewhere.invalid/">far</a>',
    "/a.html": '<title>A</title><a href="/">home</a><a href="/moved">moved</a><a href="/gone">gone too</a>',
    "/b.html": '<title>B</title><a href="deep/c.html">c</a><a href="/picture.png">picture</a><a href="/broken">x</a>',
    "/deep/c.html": '<title>C &amp; more</title><a href="../b.html">b</a><a href="/torn">torn</a>',
    "/target.html": "<title>Target</title>",
}


class Site(ThreadingHTTPServer):
    """The site, and how often each of its paths was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Pages)
        self.asked = Counter[str]()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Pages(BaseHTTPRequestHandler):
    """One request for a page."""

    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        if self.path == "/torn":
            self.close_connection = True
            self.connection.close()
        elif self.path == "/moved":
            self._answer(302, b"", Location="/target.html")
        elif self.path == "/broken":
            self._answer(500, b"")
        elif self.path == "/picture.png":
            self._answer(200, b'<a href="/never">', **{"Content-Type": "image/png"})
        elif self.path in PAGES:
            self._answer(200, PAGES[self.path].encode(), **{"Content-Type": "text/html; charset=utf-8"})
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site."""
    server = Site()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def checked(site: Site, api: TasksApi, **payload: object) -> Json:
    task = api.create("site.check", {"url": f"{site.url}/", **payload})
    done: Json = api.wait_for(task["id"], "COMPLETED")["result"]
    return done


@pytest.fixture
def api(site: Site, tmp_path: Path) -> Iterator[TasksApi]:
    """A service whose worker may call the site."""
    service = Embedded(
        tmp_path / "service",
        NARAD_HANDLERS="examples.crawler",
        NARAD_HTTP_ALLOWED_NETWORKS="127.0.0.0/8",
        NARAD_HTTP_PORTS=str(site.server_address[1]),
    )
    try:
        service.start()
        yield service.api
    finally:
        service.close()


def test_every_page_is_read_once_and_every_broken_link_is_told(site: Site, api: TasksApi) -> None:
    found = checked(site, api)

    assert found["pages"] == {
        f"{site.url}{path}": title
        for path, title in {
            "/": "Home page", "/a.html": "A", "/b.html": "B", "/deep/c.html": "C & more", "/target.html": "Target",
        }.items()
    }  # fmt: skip
    assert {one["link"].removeprefix(site.url) for one in found["broken"]} == {"/gone", "/broken", "/torn"}
    reasons = {one["link"].removeprefix(site.url): one["reason"] for one in found["broken"]}
    assert (reasons["/gone"], reasons["/broken"]) == ("HTTP 404", "HTTP 500")
    assert found["complete"]
    assert set(site.asked.values()) == {1}
    assert "/never" not in site.asked


def test_a_limit_is_kept_and_told(site: Site, api: TasksApi) -> None:
    found = checked(site, api, most_pages=2)

    assert not found["complete"]
    assert sum(site.asked.values()) == 2


def test_a_site_that_may_not_be_called_or_is_not_there_fails_with_the_reason(api: TasksApi) -> None:
    for url, word in (("http://10.0.0.1/", "10.0.0.1"), ("http://127.0.0.1:9/", "Port")):
        failed = api.wait_for(api.create("site.check", {"url": url})["id"], "FAILED")
        assert (failed["error"]["type"], failed["attempt"]) == ("Fatal", 1)
        assert word in failed["error"]["message"]
