"""Everything by keyboard alone: keys for what is on the page, tabbing, and a focus that comes back after dialogs."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.support.service import Embedded
from tests.support.tasks_api import TasksApi

LATER = "2999-01-01T00:00:00Z"
MOST_STOPS = 80


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until an element has the focus, as somebody without a mouse would."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"{MOST_STOPS} stops do not lead to {wanted}")


def test_a_task_is_created_looked_for_opened_and_cancelled(open_page: OpenPage, api: TasksApi) -> None:
    page = open_page("/ui")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New task")).to_be_visible()
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("By keyboard alone")
    tab_to(page, page.get_by_label("Not before"))
    page.keyboard.type(LATER)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard alone")).to_be_visible()
    task_id = page.url.rpartition("/")[2]

    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/ui/tasks")
    page.keyboard.press("/")
    page.keyboard.type('name:"By keyboard" status:new')
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("status=NEW"))
    page.keyboard.press("j")
    expect(page.locator(f"#row-{task_id} th a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard alone")).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator(".facts .status")).to_contain_text("Cancelled")
    assert api.status(task_id) == "CANCELLED"

    page.keyboard.press("r")
    expect(page.locator(".facts .status")).to_contain_text("Completed")


def test_the_focus_comes_back_after_dialogs(open_page: OpenPage, api: TasksApi, service: Embedded) -> None:
    task_id = api.create("tests.hold", {"gate": "keyboard"})["id"]
    api.wait_for(task_id, "IN_PROGRESS")
    page = open_page(f"/ui/tasks/{task_id}")
    cancel = page.get_by_role("button", name="Cancel")
    tab_to(page, cancel)

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="No")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(cancel).to_be_focused()
    assert api.get(task_id)["cancel_requested_at"] is None

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("dialog").get_by_role("button", name="Yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".facts .status")).to_contain_text("Cancelled")


def test_the_dialog_of_a_preview_gives_the_focus_back(open_page: OpenPage, api: TasksApi) -> None:
    api.create("demo.echo", run_at=LATER, tags=["given-back"])
    page = open_page("/ui/tasks?tag=given-back")
    page.keyboard.press("j")
    page.keyboard.press("x")
    see = page.get_by_role("button", name="See what it would do")
    tab_to(page, see)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("1 task would change")

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(see).to_be_focused()


def test_rows_and_pages_are_walked_through(open_page: OpenPage, api: TasksApi) -> None:
    ids = [api.create("demo.echo", run_at=LATER, tags=["walked"])["id"] for _ in range(3)][::-1]
    page = open_page("/ui/tasks?tag=walked&limit=2")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(f"#row-{ids[1]} th a")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(f"#row-{ids[0]} th a")).to_be_focused()

    page.keyboard.press("]")
    expect(page.locator(f"#row-{ids[2]}")).to_be_visible()
    page.keyboard.press("[")
    expect(page.locator(f"#row-{ids[0]}")).to_be_visible()


def test_keys_mean_nothing_in_a_field_and_can_be_switched_off(open_page: OpenPage) -> None:
    page = open_page("/ui/tasks")
    page.keyboard.press("/")
    page.keyboard.type("n?pgt")
    expect(page.get_by_label("Search")).to_have_value("n?pgt")
    expect(page.locator("#live-word")).to_have_text("Paused while you work here")
    page.get_by_label("Search").blur()

    page.keyboard.press("?")
    page.get_by_label("Switch these keys off").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_a_skip_link_leads_past_the_header(open_page: OpenPage) -> None:
    page = open_page("/ui/tasks")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#main")).to_be_focused()


def test_the_focus_stays_on_a_button_that_was_pressed(open_page: OpenPage, api: TasksApi) -> None:
    task_id = api.create("demo.echo", run_at=LATER)["id"]
    page = open_page(f"/ui/tasks/{task_id}")
    tab_to(page, page.get_by_label("Priority"))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")

    page.keyboard.press("Enter")

    expect(page.locator(".inline option[selected]")).to_have_text("High")
    expect(page.get_by_role("button", name="Set")).to_be_focused()
    assert api.get(task_id)["priority"] == "HIGH"
