"""The pages of tasks by hand and by keyboard: ticking, the preview of a bulk operation, views, forms of handlers."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.browser import barriers
from tests.support.service import Embedded
from tests.support.tasks_api import TasksApi

LATER = "2999-01-01T00:00:00Z"


def test_tasks_are_ticked_by_keyboard_and_cancelled_after_a_preview(open_page: OpenPage, api: TasksApi) -> None:
    ids = [api.create("demo.echo", run_at=LATER, tags=["ticked"])["id"] for _ in range(2)]
    page = open_page("/ui/tasks?tag=ticked")
    expect(page.locator("#bulk")).to_be_hidden()

    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("Ticked: 1")
    expect(page.locator("#bulk-all")).to_be_hidden()
    expect(page.locator("#live-word")).to_have_text("Paused while you work here")
    page.locator("#tick-all").click()
    expect(page.locator("#bulk-all")).to_be_visible()
    page.get_by_role("button", name="See what it would do").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 tasks would change")
    assert barriers(page) == []
    dialog.get_by_role("button", name="Do it").click()

    expect(page.locator(".facts")).to_contain_text("Done")
    assert {api.status(one) for one in ids} == {"CANCELLED"}


def test_a_view_is_kept_in_the_browser(open_page: OpenPage) -> None:
    page = open_page("/ui/tasks?tag=viewed")
    page.locator("#views summary").click()
    page.get_by_label("Name of this view").fill("Mine")
    page.locator("#views").get_by_role("button", name="Save").click()

    page.goto("/ui/tasks")
    page.locator("#views summary").click()
    page.get_by_role("link", name="Mine").click()

    expect(page).to_have_url(re.compile(r"/ui/tasks\?tag=viewed$"))


def test_the_command_follows_what_is_written(open_page: OpenPage) -> None:
    page = open_page("/ui/tasks/new?handler=demo.simulate")

    page.get_by_label("Name").fill("Followed")
    page.get_by_label("steps").fill("7")

    expect(page.locator("#command pre")).to_contain_text('"steps": 7')
    expect(page.locator("#command pre")).to_contain_text("Followed")


def test_all_that_match_are_cancelled_once_their_number_is_typed(open_page: OpenPage, api: TasksApi) -> None:
    items = [{"name": "a", "handler": "demo.echo", "run_at": LATER, "tags": ["many"]} for _ in range(101)]
    api.http.post("/api/v1/tasks/batch", json={"items": items}).raise_for_status()
    page = open_page("/ui/tasks?tag=many")

    page.locator("#tick-all").click()
    page.get_by_label("or all 101 that match").check()
    page.get_by_role("button", name="See what it would do").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("101 tasks would change")
    for typed in ("", "100"):
        dialog.get_by_label("Type the number of tasks").fill(typed)
        dialog.get_by_role("button", name="Do it").click()
        expect(dialog).to_be_visible()
    assert api.page(tag="many", status="CANCELLED")["items"] == []
    dialog.get_by_label("Type the number of tasks").fill("101")
    dialog.get_by_role("button", name="Do it").click()

    expect(page).to_have_url(re.compile(r"/ui/bulk/[0-9a-f-]+$"))
    expect(page.locator(".facts")).to_contain_text("Done")
    expect(page.locator(".figures")).to_contain_text("101")
    assert len(api.list_all(tag="many", status="CANCELLED")) == 101
    assert barriers(page) == []


def test_a_log_follows_its_handler_and_stays_at_its_end(open_page: OpenPage, service: Embedded) -> None:
    steps = service.api.create("tests.steps", {"gates": ["log-1", "log-2"]})["id"]
    page = open_page(f"/ui/tasks/{steps}?tab=logs")
    log = page.locator(".log")
    expect(log).to_contain_text("reached log-1")
    service.gate("log-1").touch()
    expect(log).to_contain_text("reached log-2")
    service.gate("log-2").touch()

    long = service.api.create("tests.log", {"lines": 300})["id"]
    service.api.wait_for(long, "COMPLETED")
    page.goto(f"/ui/tasks/{long}?tab=logs")

    expect(log.locator("li")).to_have_count(200)
    expect(log.locator("li").last).to_contain_text("awaited")
    assert log.evaluate("log => log.scrollTop > 0 && log.scrollHeight - log.scrollTop - log.clientHeight < 8")
