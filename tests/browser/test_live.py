"""What an open page does by itself: it follows its tasks, and leaves the reader alone."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.support.service import Embedded, StartEmbedded
from tests.support.tasks_api import TasksApi

LATER = "2999-01-01T00:00:00Z"


def test_a_task_is_created_and_seen_to_its_end(page: Page, service: Embedded) -> None:
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New task")).to_be_visible()
    page.get_by_label("Handler").select_option("tests.hold")
    page.get_by_label("gate").fill("seen-to-its-end")
    page.get_by_label("Name").fill("Held")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".facts .status")).to_contain_text("In progress")

    service.gate("seen-to-its-end").touch()

    expect(page.locator(".facts .status")).to_contain_text("Completed")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


def test_a_running_task_is_cancelled_after_a_question(page: Page, api: TasksApi) -> None:
    task_id = api.create("tests.hold", {"gate": "never"})["id"]
    api.wait_for(task_id, "IN_PROGRESS")
    page.goto(f"/ui/tasks/{task_id}")

    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert api.get(task_id)["cancel_requested_at"] is None
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()

    expect(page.locator(".facts .status")).to_contain_text("Cancelled")
    page.get_by_role("button", name="Run again").click()
    expect(page.locator(".facts .status")).to_contain_text("In progress")
    api.cancel(task_id)
    expect(page.locator(".facts .status")).to_contain_text("Cancelled")


def test_a_refusal_is_shown_in_place(open_page: OpenPage, api: TasksApi) -> None:
    task_id = api.create("demo.echo", run_at=LATER)["id"]
    page = open_page(f"/ui/tasks/{task_id}?live=poll", expects=("409", "htmx"))
    page.keyboard.press("p")  # so that the page does not learn of it by itself
    page.evaluate(
        "id => fetch(`/api/v1/tasks/${id}`, {method: 'PATCH', headers: {'Content-Type': 'application/json'},"
        "body: JSON.stringify({run_at: new Date().toISOString()})})",
        task_id,
    )
    api.wait_for(task_id, "COMPLETED")

    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("#refusal")).to_contain_text("The state does not allow this.")
    expect(page.get_by_role("heading", name="a task")).to_be_visible()


def test_a_list_follows_its_tasks(open_page: OpenPage, api: TasksApi) -> None:
    page = open_page("/ui/tasks?tag=followed")
    expect(page.get_by_text("No task matches.")).to_be_visible()
    expect(page.locator("#live-word")).to_have_text("Live")

    task_id = api.create("demo.echo", tags=["followed"])["id"]

    expect(page.locator(f"#row-{task_id} .status")).to_contain_text("Completed")


def test_a_page_goes_live_however_late_the_extension_for_streams_comes(open_page: OpenPage) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = open_page("/ui/help")
    page.route("**/hx-sse.min.js*", hold)
    page.goto("/ui/tasks", wait_until="commit")
    while not (held and page.evaluate("'htmx' in window")):
        page.wait_for_timeout(10)  # in which Playwright hears of the request

    held[0].continue_()

    expect(page.locator("#live-word")).to_have_text("Live")


def test_nothing_moves_while_the_reader_writes(open_page: OpenPage, api: TasksApi) -> None:
    page = open_page("/ui/tasks?tag=written")
    expect(page.locator("#live-word")).to_have_text("Live")
    page.get_by_label("Search").focus()
    expect(page.locator("#live-word")).to_have_text("Paused while you work here")

    task_id = api.create("demo.echo", tags=["written"])["id"]

    expect(page.get_by_role("button", name="News, show")).to_be_visible()
    expect(page.locator(f"#row-{task_id}")).to_have_count(0)
    page.get_by_role("heading", name="Tasks").click()
    expect(page.locator(f"#row-{task_id}")).to_be_visible()
    expect(page.get_by_role("button", name="News, show")).to_be_hidden()


def test_a_page_that_asks_every_five_seconds_needs_no_stream(open_page: OpenPage, api: TasksApi) -> None:
    page = open_page("/ui/tasks?tag=polled&live=poll")
    expect(page.locator("#live-word")).to_have_text("Every 5 s")

    task_id = api.create("demo.echo", tags=["polled"])["id"]

    expect(page.locator(f"#row-{task_id}")).to_be_visible()


def test_a_page_outlives_the_service_it_came_from(open_page: OpenPage, start_embedded: StartEmbedded) -> None:
    service = start_embedded()
    port = service.api.url.rpartition(":")[2]
    page = open_page(
        "/ui/tasks", url=service.api.url, expects=("ERR_", "Failed to fetch", "network error", "SSE", "htmx")
    )
    expect(page.locator("#live-word")).to_have_text("Live")

    service.processes[-1].terminate()
    assert service.processes[-1].wait() == 0
    expect(page.locator("#live-word")).to_have_text("Connecting")
    service.settings["NARAD_PORT"] = port
    service.dev()

    expect(page.locator("#live-word")).to_have_text("Live", timeout=30_000)
    task_id = service.api.create("demo.echo")["id"]
    expect(page.locator(f"#row-{task_id}")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_waiting_task_is_cancelled_at_once_with_and_without_scripts(
    open_page: OpenPage,
    api: TasksApi,
    script: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    task_id = api.create("demo.echo", run_at=LATER)["id"]
    page = open_page(f"/ui/tasks/{task_id}", java_script_enabled=script)

    page.get_by_role("button", name="Cancel").click()

    expect(page.locator(".facts .status")).to_contain_text("Cancelled")
    assert api.status(task_id) == "CANCELLED"


def test_a_page_is_live_however_late_its_scripts_come(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/live.js*", hold)
    page.goto("/ui/tasks", wait_until="commit")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    assert page.evaluate("fetch('/livez').then((answer) => answer.status)") == 200  # a stream would be open by now

    (late,) = held
    late.continue_()

    expect(page.locator("#stream")).to_have_attribute("data-state", "live")
