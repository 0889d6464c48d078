"""A browser for each module, a service for the tier, and pages for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import WAIT_MILLISECONDS, Complaints, opened, running_browser
from tests.support.keys_api import Locked
from tests.support.service import Embedded, StartEmbedded
from tests.support.tasks_api import TasksApi

Directories: TypeAlias = Callable[[], Path]
OpenPage: TypeAlias = Callable[..., Page]


@pytest.fixture(scope="session")
def new_directory(tmp_path_factory: pytest.TempPathFactory) -> Directories:
    """Makes names of directories for services."""
    return lambda: tmp_path_factory.mktemp("narad", numbered=True) / "service"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module.

    Playwright keeps a loop running in this thread; tests of other modules have loops of their own.
    """
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def service(new_directory: Directories) -> Iterator[Embedded]:
    """A service that tests share: mark your tasks."""
    service = Embedded(new_directory())
    try:
        service.start()
        yield service
    finally:
        service.close()
    assert not service.new_complaints()


@pytest.fixture
def start_embedded(new_directory: Directories) -> Iterator[StartEmbedded]:
    """Starts a fresh service with more settings; it ends with the test."""
    with ExitStack() as stack:

        def start(**settings: str) -> Embedded:
            service = Embedded(new_directory(), **settings)
            stack.callback(service.close)
            service.start()
            return service

        yield start


@pytest.fixture
def api(service: Embedded) -> TasksApi:
    """The HTTP API of the shared service."""
    return service.api


@pytest.fixture
def locked(start_embedded: StartEmbedded) -> Locked:
    """A service with a key."""
    return Locked(start_embedded())


@pytest.fixture
def open_page(
    browser: Browser,
    service: Embedded,
    start_embedded: StartEmbedded,  # what it starts ends after the pages, which would complain of it
) -> Iterator[OpenPage]:
    """Opens pages, each with cookies of its own; `url` for another service, the rest for Playwright.

    Errors, violations of the policy and requests to other places fail the test; those that a test brings about itself
    it names in `expects`.
    """
    with ExitStack() as stack:

        def open_(
            path: str = "/ui",
            *,
            url: str = service.api.url,
            expects: tuple[str, ...] = (),
            **options: Any,  # noqa: ANN401 - of Playwright
        ) -> Page:
            page, complaints = stack.enter_context(opened(browser, url, **options))
            _expect(complaints, expects)
            page.goto(path)
            return page

        yield open_


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A page of the shared service."""
    return open_page()


def _expect(complaints: Complaints, parts: tuple[str, ...]) -> None:
    complaints.expected.extend(parts)
