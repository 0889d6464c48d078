"""A real browser: pages that notice every error, every violation of the policy, and every request to another place."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.support.binaries import find_chromium

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MILLISECONDS = 15_000


@dataclass
class Complaints:
    """What went wrong in a page. `expected` are parts of texts that a test brings about itself."""

    base_url: str
    found: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Notice it in every page of the context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._add(f"error: {error.error}"))
        context.on("request", self._request)

    def unexpected(self) -> list[str]:
        """What no test has brought about."""
        return [text for text in self.found if not any(part in text for part in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._add(f"console {message.type}: {message.text} ({message.location['url']})")

    def _request(self, request: Request) -> None:
        place, own = urlsplit(request.url), urlsplit(self.base_url)
        if place.scheme != "data" and (place.scheme, place.netloc) != (own.scheme, own.netloc):
            self._add(f"request to {request.url}")

    def _add(self, text: str) -> None:
        self.found.append(text)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, base_url: str, **options: Any) -> Iterator[tuple[Page, Complaints]]:  # noqa: ANN401 - of Playwright
    """A page with cookies of its own; complaints that nobody expected fail the test at its end."""
    complaints = Complaints(base_url)
    context = browser.new_context(base_url=base_url, **options)
    context.set_default_timeout(WAIT_MILLISECONDS)
    complaints.watch(context)
    try:
        yield context.new_page(), complaints
    finally:
        context.close()
    found = complaints.unexpected()
    assert not found, "\n".join(found)


def barriers(page: Page) -> list[str]:
    """What keeps people from the page, as axe finds it."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found for node in one["nodes"]]
