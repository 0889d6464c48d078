"""What people do with tasks from beginning to end, with scripts and without."""

import re
from secrets import token_hex

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.service import Embedded
from tests.support.tasks_api import PATH, TasksApi

LATER = "2999-01-01T00:00:00Z"
MANY = 500


@pytest.fixture
def tag() -> str:
    """A tag for the tasks of this test alone."""
    return f"test-{token_hex(6)}"


def test_progress_and_log_are_seen_while_a_task_runs(
    open_page: OpenPage, api: TasksApi, service: Embedded, tag: str
) -> None:
    gates = [f"{tag}-one", f"{tag}-two"]
    task_id = api.create("tests.steps", {"gates": gates})["id"]
    page, log = open_page(f"/ui/tasks/{task_id}"), open_page(f"/ui/tasks/{task_id}?tab=logs")
    expect(page.locator(".facts")).to_contain_text(f"0 % before {gates[0]}")

    service.gate(gates[0]).touch()

    expect(page.locator(".facts")).to_contain_text(f"50 % before {gates[1]}")
    expect(page.locator(".facts progress")).to_have_attribute("value", "0.5")
    expect(log.locator("ol.log")).to_contain_text(f"reached {gates[1]}")
    service.gate(gates[1]).touch()
    expect(page.locator(".facts .status")).to_contain_text("Completed")
    expect(page.locator(".facts progress")).to_have_count(0)
    expect(page.locator("pre").filter(has_text=re.compile(r"^2$"))).to_be_visible()


def test_a_failure_is_looked_into_and_run_again(open_page: OpenPage, api: TasksApi) -> None:
    task_id = api.create("tests.fail_first", max_attempts=1)["id"]
    api.wait_for(task_id, "FAILED")
    page = open_page(f"/ui/tasks/{task_id}")
    expect(page.get_by_role("heading", name="Error")).to_be_visible()
    page.get_by_text("Traceback").first.click()
    expect(page.locator("details[open] pre").first).to_contain_text("ConnectionError: the first attempt fails")

    page.get_by_role("button", name="Run again").click()

    expect(page.locator(".facts .status")).to_contain_text("Completed")
    page.get_by_role("link", name="Attempts").click()
    attempts = page.get_by_role("group", name="Attempts").locator("tbody tr")
    expect(attempts).to_have_count(2)
    expect(attempts.filter(has_text="ConnectionError")).to_have_count(1)


def test_all_that_match_are_cancelled_once_their_number_is_typed(open_page: OpenPage, api: TasksApi, tag: str) -> None:
    body = {"items": [{"name": "one of many", "tags": [tag], "run_at": LATER}] * MANY}
    assert api.http.post(f"{PATH}/batch", json=body).status_code == 201
    spared = api.create("demo.echo", run_at=LATER)["id"]
    page = open_page(f"/ui/tasks?tag={tag}", expects=("422", "htmx"))
    page.locator("#tick-all").click()
    page.locator("#bulk-all").get_by_role("checkbox").check()
    expect(page.locator("#bulk-all")).to_contain_text(f"or all {MANY} that match")
    page.locator("#bulk").get_by_label("Reason").fill("no longer needed")

    page.get_by_role("button", name="See what it would do").click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{MANY} tasks would change")
    dialog.get_by_role("button", name="Do it").click()
    number = dialog.get_by_label("Type the number of tasks")
    number.fill("499")
    dialog.get_by_role("button", name="Do it").click()
    expect(dialog).to_be_visible()
    assert api.page(tag=tag, status="CANCELLED")["items"] == []
    number.fill(str(MANY))
    dialog.get_by_role("button", name="Do it").click()

    expect(page.locator(".facts .status")).to_contain_text("Done")
    expect(page.locator(".figures div").filter(has_text="Changed")).to_contain_text(str(MANY))
    expect(page.locator("main")).to_contain_text("no longer needed")
    cancelled = api.list_all(tag=tag, status="CANCELLED")
    assert len(cancelled) == MANY
    assert {one["cancel_reason"] for one in cancelled} == {"no longer needed"}
    assert api.status(spared) == "NEW"


def test_a_bulk_operation_is_seen_to_its_end(open_page: OpenPage, api: TasksApi, tag: str) -> None:
    task_id = api.create("demo.echo", run_at=LATER, tags=[tag])["id"]
    page = open_page("/ui/bulk")
    answer = api.http.post(
        "/api/v1/bulk-operations", json={"action": "cancel", "reason": tag, "filter": {"tag": [tag]}}
    )
    assert answer.status_code == 202, answer.text
    api.wait_for(task_id, "CANCELLED")

    row = page.locator(f"#row-{answer.json()['id']}")

    expect(row).to_contain_text("Done")
    expect(row).to_contain_text(tag)


def test_without_scripts_tasks_are_created_filtered_and_paged(open_page: OpenPage, api: TasksApi, tag: str) -> None:
    page = open_page("/ui/tasks/new", java_script_enabled=False)
    page.get_by_label("Handler").select_option("demo.echo")
    page.get_by_role("button", name="Choose").click()
    page.get_by_label("Name").fill("By hand")
    page.get_by_label("Tags").fill(tag)
    page.get_by_label("Payload").fill('{"width": 320}')
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="By hand")).to_be_visible()
    created = page.url.rpartition("/")[2]
    assert api.wait_for(created, "COMPLETED")["payload"] == {"width": 320}
    page.reload()
    expect(page.locator(".facts .status")).to_contain_text("Completed")

    others = [api.create("demo.echo", run_at=LATER, tags=[tag])["id"] for _ in range(3)]
    page.goto("/ui/tasks?limit=2")
    page.get_by_role("textbox", name="Tag").fill(tag)
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("tr[id^=row-]")).to_have_count(2)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(f"#row-{others[0]}")).to_be_visible()
    expect(page.locator(f"#row-{created}")).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(f"#row-{others[2]}")).to_be_visible()


def test_without_scripts_many_are_cancelled_after_a_preview(open_page: OpenPage, api: TasksApi, tag: str) -> None:
    ids = [api.create("demo.echo", run_at=LATER, tags=[tag])["id"] for _ in range(2)]
    page = open_page(f"/ui/tasks?tag={tag}", java_script_enabled=False)

    page.locator(f"#row-{ids[0]} input").check()
    page.get_by_role("button", name="See what it would do").click()
    expect(page.locator("main")).to_contain_text("1 task would change")
    page.get_by_role("button", name="Do it").click()

    expect(page.get_by_role("heading", name="Cancel")).to_be_visible()
    api.wait_for(ids[0], "CANCELLED")
    assert api.status(ids[1]) == "NEW"
