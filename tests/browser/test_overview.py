"""The overview by hand and by keyboard: ranges in the address, charts that lead on, numbers for whoever sees none."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.support.tasks_api import TasksApi, wait_until


def ended(api: TasksApi, name: str) -> dict[str, Any]:
    """A task that has ended."""
    return api.wait_for(api.create("demo.echo", name=name)["id"], "COMPLETED")


def link_of_hour(figure: Locator, task: dict[str, Any]) -> Locator:
    """The link in the numbers of a chart to the hour in which a task ended: an hour may begin meanwhile."""
    hour = urlencode({"finished_after": f"{task['finished_at'][:13]}:00:00.000Z"})
    return figure.locator(f"td a[href*='{hour}']").first


def busiest(chart: Locator) -> tuple[int, int]:
    """The place of the latest bar that is not empty, and how many there are."""
    _, completed, failed = json.loads(chart.get_attribute("data-points") or "")
    filled = [place for place, (one, other) in enumerate(zip(completed, failed, strict=True)) if one + other]
    return filled[-1], len(completed)


def click_bar(page: Page, chart: Locator) -> None:
    """Click the latest bar that is not empty."""
    over = chart.locator(".u-over")
    expect(over).to_be_visible()
    box = over.bounding_box()
    assert box is not None
    place, number = busiest(chart)
    page.mouse.move(box["x"] + box["width"] * (place + 0.5) / number, box["y"] + box["height"] - 5)
    page.mouse.down()
    page.mouse.up()


def test_the_range_stands_in_the_address_and_a_bar_opens_what_ended_in_it(open_page: OpenPage, api: TasksApi) -> None:
    task = ended(api, "Opened by a bar")
    page = open_page("/ui")
    page.get_by_role("navigation", name="Range").get_by_role("link", name="24 hours").click()
    expect(page).to_have_url(re.compile(r"/ui\?range=24h$"))
    chart = page.locator("narad-chart#throughput")
    expect(link_of_hour(page.locator("figure", has=chart), task)).to_be_attached()

    click_bar(page, chart)

    expect(page).to_have_url(re.compile(r"/ui/tasks\?"))
    expect(page.get_by_text("Opened by a bar").first).to_be_visible()
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["status"] == ["COMPLETED", "FAILED"]
    assert asked["finished_after"][0][14:19] == asked["finished_before"][0][14:19] == "00:00"  # an hour, to the second


def test_the_numbers_of_a_chart_are_a_table_that_the_keyboard_reaches(open_page: OpenPage, api: TasksApi) -> None:
    task = ended(api, "Reached by keyboard")
    page = open_page("/ui?range=24h")
    figure = page.locator("figure", has=page.locator("narad-chart#throughput"))
    expect(link_of_hour(figure, task)).to_be_attached()
    expect(figure).to_have_accessible_name(re.compile("Tasks that ended"))
    expect(figure.locator("table")).to_be_hidden()

    figure.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(figure.get_by_role("table", name="Tasks that ended")).to_be_visible()
    link_of_hour(figure, task).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Reached by keyboard").first).to_be_visible()


def test_a_chart_is_drawn_anew_without_being_made_anew(open_page: OpenPage, api: TasksApi) -> None:
    ended(api, "Drawn at first")
    chart = open_page("/ui").locator("narad-chart#throughput")
    expect(chart.locator("canvas")).to_have_count(1)
    before = chart.get_attribute("data-points")
    assert before is not None
    chart.locator("canvas").evaluate("canvas => { canvas.dataset.mark = 'kept' }")

    ended(api, "Draws anew")

    expect(chart).not_to_have_attribute("data-points", before)
    expect(chart.locator("canvas")).to_have_attribute("data-mark", "kept")


def test_a_group_of_failures_is_run_again_by_hand(open_page: OpenPage, api: TasksApi) -> None:
    task = api.create("tests.fail_first", max_attempts=1)
    api.wait_for(task["id"], "FAILED")
    page = open_page("/ui/failures")
    row = page.get_by_role("row", name="tests.fail_first")
    expect(row).to_contain_text("ConnectionError")
    expect(row).to_contain_text("handlers.py in fail_first")

    row.get_by_role("button", name="Run all again").click()
    expect(page.get_by_text("1 task would change")).to_be_visible()
    page.get_by_role("button", name="Do it").click()

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until(lambda: api.status(task["id"]) == "COMPLETED", "it ran again")
    page.goto("/ui/failures")
    expect(page.get_by_role("row", name="tests.fail_first")).to_have_count(0)
