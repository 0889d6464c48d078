"""Going back, and a second tab."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.tasks_api import TasksApi

LATER = "2999-01-01T00:00:00Z"


def test_filters_survive_the_way_back(open_page: OpenPage, api: TasksApi) -> None:
    task_id = api.create("demo.echo", run_at=LATER, tags=["back"])["id"]
    page = open_page("/ui/tasks")
    page.get_by_role("textbox", name="Tag").fill("back")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.locator(f"#row-{task_id} a").first.click()
    expect(page.locator(".facts .status")).to_be_visible()

    page.go_back()

    expect(page.get_by_role("textbox", name="Tag")).to_have_value("back")
    expect(page.locator("tbody tr[id^=row-]")).to_have_count(1)
    expect(page.locator("#live-word")).to_have_text("Live")


def test_what_one_tab_does_the_other_shows(open_page: OpenPage, api: TasksApi) -> None:
    task_id = api.create("demo.echo", run_at=LATER)["id"]
    page = open_page(f"/ui/tasks/{task_id}")
    other = page.context.new_page()
    other.goto(f"/ui/tasks/{task_id}")
    expect(page.locator("#live-word")).to_have_text("Live")

    other.get_by_role("button", name="Cancel").click()

    expect(other.locator(".facts .status")).to_contain_text("Cancelled")
    page.bring_to_front()
    expect(page.locator(".facts .status")).to_contain_text("Cancelled")
