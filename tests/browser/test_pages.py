"""What holds for every page: it keeps nobody out, in both languages and themes, on small screens, without scripts."""

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.support.browser import barriers
from tests.support.dashboard import Reader
from tests.support.keys_api import Locked
from tests.support.service import StartEmbedded
from tests.support.tasks_api import TasksApi

PAGES = (
    "/ui",
    "/ui?range=7d",
    "/ui/failures",
    "/ui/tasks",
    "/ui/tasks?handler=none",
    "/ui/tasks/new",
    "/ui/tasks/new?handler=demo.simulate",
    "/ui/tasks/{task}",
    "/ui/tasks/{task}?tab=attempts",
    "/ui/tasks/{task}?tab=logs",
    "/ui/bulk",
    "/ui/queues",
    "/ui/dead-letters",
    "/ui/workers",
    "/ui/workers?state=lost",
    "/ui/handlers",
    "/ui/handlers/demo.simulate",
    "/ui/system",
    "/ui/keys",
    "/ui/keys/new",
    "/ui/audit",
    "/ui/help",
    "/ui/login",
)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
NARROWEST = 320


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Where pictures of pages are kept, if anywhere: NARAD_TEST_SHOTS."""
    given = os.environ.get("NARAD_TEST_SHOTS")
    return Path(given) if given else None


@pytest.fixture
def failed_task(api: TasksApi) -> str:
    """A task with everything that a page may show: attempts, an error, tags, a long name."""
    name = "A-name-without-any-place-to-break-it-" * 4
    task = api.create("demo.fail", name=name, description="Line one.\nLine two.", tags=["one", "two"], max_attempts=2)
    api.wait_for(task["id"], "FAILED")
    return str(task["id"])


def keep(page: Page, shots: Path | None, name: str) -> None:
    if shots is not None:
        page.screenshot(path=shots / f"{name.strip('/').replace('/', '-').replace('?', '-')}.png", full_page=True)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_page_keeps_anybody_out(
    open_page: OpenPage, failed_task: str, path: str, scheme: Scheme, language: str, shots: Path | None
) -> None:
    page = open_page(path.format(task=failed_task), color_scheme=scheme, locale=language)

    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("h1")).to_be_visible()
    assert barriers(page) == []
    keep(page, shots, f"{path.format(task='task')}-{scheme}-{language}")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "ru", "en-XA"])
def test_every_page_fits_a_narrow_screen(open_page: OpenPage, failed_task: str, path: str, language: str) -> None:
    address = path.format(task=failed_task)
    address += f"{'&' if '?' in address else '?'}lang={language}"
    page = open_page(address, viewport={"width": NARROWEST, "height": 700})

    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_something_without_scripts(open_page: OpenPage, failed_task: str, path: str) -> None:
    page = open_page(path.format(task=failed_task), java_script_enabled=False)

    expect(page.locator("h1")).to_be_visible()
    for button in page.locator("main button:visible, header button:visible").all():
        assert button.get_attribute("type") == "submit"  # one that only a script would do something with is hidden


def test_every_page_works_under_a_path(open_page: OpenPage, start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_ROOT_PATH="/x/y")
    page = open_page("/x/y/ui", url=service.api.url)

    page.get_by_role("link", name="Tasks", exact=True).click()
    expect(page).to_have_url(f"{service.api.url}/x/y/ui/tasks")
    page.get_by_role("link", name="New task").click()
    page.get_by_label("Handler").select_option("demo.echo")
    page.get_by_label("Name").fill("Under a path")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".facts .status")).to_contain_text("Completed")


def test_choices_of_the_reader_stay(open_page: OpenPage) -> None:
    page = open_page("/ui/tasks", color_scheme="light", locale="en")
    page.get_by_text("Display").click()
    page.get_by_label("Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_text("Display").click()
    page.get_by_label("Language").select_option("ru")

    expect(page.get_by_role("heading", name="Задачи")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_a_key_lets_its_holder_in_and_the_session_out(open_page: OpenPage, locked: Locked) -> None:
    page = open_page("/ui/tasks?tag=a", url=locked.url, expects=("401",))
    page.get_by_label("API key").fill("nrd_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("This key opens nothing.")).to_be_visible()

    page.get_by_label("API key").fill(locked.admin_key["key"])
    page.get_by_role("button", name="Log in").click()

    expect(page).to_have_url(f"{locked.url}/ui/tasks?tag=a")
    assert barriers(page) == []
    page.get_by_text("first", exact=True).click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_page_is_answered_whole_where_htmx_is_not_asking(api: TasksApi) -> None:
    reader = Reader(api.url)
    try:
        assert "<html" in reader.open("/ui/tasks").text
    finally:
        reader.close()
