"""Pages where there are 50 000 tasks: forth and back, filtered, counted up to a limit, and searched so far."""

import re
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from narad.dashboard.counts import ROWS
from tests.browser.conftest import Directories, OpenPage
from tests.support.service import Embedded

TASKS = 50_000
PAGE = 50
NEWEST = "The newest"
FAILED_EACH = 100
MOST_BYTES = 60_000
# A task a second since the year began, none of them of late; the first one alone is called otherwise.
FILL = """
WITH RECURSIVE made(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM made WHERE n < :tasks)
INSERT INTO tasks (id, name, priority, status, handler, queue, payload, tags, created_at, run_at, started_at,
                   finished_at, worker_id, attempt, failures, max_attempts, max_losses)
SELECT printf('%012x', :begin + n * 1000) || '70008000' || printf('%012x', n),
       CASE n WHEN 1 THEN 'The needle' ELSE 'Task ' || n END, n % 3,
       CASE n % :failed_each WHEN 0 THEN 4 ELSE 3 END, CASE n % 4 WHEN 0 THEN 'mail.send' ELSE 'demo.echo' END,
       'default', '{}', '["seeded"]', (:begin + n * 1000) * 1000, (:begin + n * 1000) * 1000,
       (:begin + n * 1000) * 1000, (:begin + n * 1000 + 500) * 1000, '00000000000070008000000000000001', 1, 0, 3, 3
FROM made
"""
BEGIN_MILLISECONDS = 1_767_225_600_000
ROW = "tbody tr[id^=row-]"


@pytest.fixture(scope="module")
def crowded(new_directory: Directories) -> Iterator[Embedded]:
    """A service with that many tasks which have ended, and one that is newer."""
    service = Embedded(new_directory(), NARAD_RETENTION_DAYS="0")
    try:
        service.start()
        with sqlite3.connect(service.directory / "narad.db", timeout=30) as connection:
            values = {"tasks": TASKS, "begin": BEGIN_MILLISECONDS, "failed_each": FAILED_EACH}
            connection.execute(FILL, values)
        connection.close()
        service.api.wait_for(service.api.create("demo.echo", name=NEWEST)["id"], "COMPLETED")
        yield service
    finally:
        service.close()
    assert not service.new_complaints()


@pytest.fixture
def open_list(open_page: OpenPage, crowded: Embedded) -> OpenPage:
    """Opens pages of that service."""
    return lambda path, **options: open_page(path, url=crowded.api.url, **options)


def names(page: Page) -> list[str]:
    """The names of the tasks that are shown."""
    return page.locator(f"{ROW} th a").all_inner_texts()


def numbered(first: int, last: int, step: int = -1) -> list[str]:
    return [f"Task {number}" for number in range(first, last + step, step)]


def test_pages_lead_forth_and_back(open_list: OpenPage) -> None:
    page = open_list("/ui/tasks")
    expect(page.get_by_text("10,000+ tasks")).to_be_visible()
    assert names(page) == [NEWEST, *numbered(TASKS, TASKS - PAGE + 2)]

    for number in (1, 2):
        page.get_by_role("link", name="Next").click()
        first = TASKS + 1 - number * PAGE
        expect(page.locator(f"{ROW} th a").first).to_have_text(f"Task {first}")
        assert names(page) == numbered(first, first - PAGE + 1)
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(f"{ROW} th a").first).to_have_text(f"Task {TASKS + 1 - PAGE}")
    page.get_by_role("link", name="Previous").click()

    expect(page.locator(f"{ROW} th a").first).to_have_text(NEWEST)
    assert names(page)[1:] == numbered(TASKS, TASKS - PAGE + 2)
    expect(page.get_by_role("link", name="Previous")).to_have_count(0)


def test_the_far_end_is_as_near_as_the_other(open_list: OpenPage) -> None:
    page = open_list("/ui/tasks")
    page.get_by_role("link", name=re.compile("^Created")).click()

    expect(page.locator(f"{ROW} th a").first).to_have_text("The needle")
    assert names(page)[1:] == numbered(2, PAGE, 1)


def test_filters_choose_and_are_counted(open_list: OpenPage) -> None:
    page = open_list("/ui/tasks?status=FAILED")
    expect(page.get_by_text(f"{TASKS // FAILED_EACH} tasks", exact=True)).to_be_visible()
    assert names(page) == numbered(TASKS, TASKS - (PAGE - 1) * FAILED_EACH, -FAILED_EACH)

    page.get_by_role("combobox", name="Handler").fill("mail.send")
    page.get_by_role("combobox", name="Handler").press("Enter")
    expect(page.get_by_text(f"{TASKS // FAILED_EACH} tasks", exact=True)).to_be_visible()
    page.get_by_role("combobox", name="Handler").fill("demo.echo")
    page.get_by_role("combobox", name="Handler").press("Enter")

    expect(page.get_by_text("No task matches.")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator(ROW)).to_have_count(PAGE)


def test_a_search_says_how_far_it_got_and_goes_on(open_list: OpenPage) -> None:
    page = open_list("/ui/tasks")
    page.get_by_label("Search").fill("needle")
    page.get_by_label("Search").press("Enter")
    for _ in range(TASKS // ROWS):
        expect(page.get_by_text("No task matches so far.")).to_be_visible()
        expect(page.get_by_text(f"{ROWS:,} tasks were searched for this page.")).to_be_visible()
        here = page.url
        page.get_by_role("link", name="Search further").click()
        expect(page).not_to_have_url(here)

    expect(page.locator(f"{ROW} th a")).to_have_text(["The needle"])
    expect(page.get_by_role("link", name="Search further")).to_have_count(0)
    expect(page.locator("#live-word")).to_have_text("Live")


@pytest.mark.parametrize("path", ["/ui", "/ui/tasks", "/ui/tasks?q=task&sort=-finished_at", "/ui/system"])
def test_a_page_stays_small(open_list: OpenPage, path: str) -> None:
    page = open_list("/ui/login")

    answer = page.request.get(path)

    assert answer.ok
    assert len(answer.body()) <= MOST_BYTES
