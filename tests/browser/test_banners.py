"""What pages say when a part of the service is away: it is really stopped, and started again, before open pages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from narad.dispatch.topology import DEAD_LETTER_EXCHANGE, DEAD_LETTER_KEY
from tests.browser.conftest import OpenPage
from tests.support.markup import MARKUP, elements_made
from tests.support.scene import Scene, StartScene
from tests.support.servers import Postgres, Rabbit
from tests.support.stage import audited_postgres, fresh_rabbit, scenery
from tests.support.tasks_api import wait_until

pytestmark = pytest.mark.timeout(300)

LATER = "2999-01-01T00:00:00Z"
SOON: Final = 40_000
"""Milliseconds until a page asks unasked, and a server is missed or there again."""
UNHURRIED: Final = {"NARAD_API_TIMEOUT_SECONDS": "20", "NARAD_LIST_TIMEOUT_SECONDS": "15"}
"""Where the database is there: a machine that is busy with stopping a server is not to make it seem away."""
AWAY: Final = ("503", "htmx")
"""What Chromium says of an answer that tells that the database is away."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with audited_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def rabbit() -> Iterator[Rabbit]:
    with fresh_rabbit() as server:
        yield server


@pytest.fixture
def start_scene(postgres: Postgres, rabbit: Rabbit, tmp_path: Path) -> Iterator[StartScene]:
    """Starts a service of this test alone, over servers that it may stop."""
    with scenery(postgres, rabbit, tmp_path / "scene") as start:
        yield start


def banner(page: Page, text: str) -> Locator:
    return page.locator("#banners .banner").filter(has_text=text)


def live(open_page: OpenPage, scene: Scene, path: str, *expects: str) -> Page:
    """An open page that follows what happens, and sees nothing amiss."""
    page = open_page(path, url=scene.api.url, expects=expects)
    expect(page.locator("#live-word")).to_have_text("Live")
    expect(page.locator("#banners .banner")).to_have_count(0)
    return page


def test_tasks_that_wait_for_any_worker_are_told_of_until_there_is_one(
    start_scene: StartScene, open_page: OpenPage
) -> None:
    scene = start_scene(workers=1)
    list_, help_ = live(open_page, scene, "/ui/tasks"), open_page("/ui/help", url=scene.api.url)
    scene.stop_workers()
    tasks = [scene.api.create("faults.work") for _ in range(12)]

    told = banner(list_, "12 tasks wait and no worker is online. Start one: narad worker")
    expect(told).to_be_visible(timeout=SOON)
    help_.reload()
    expect(banner(help_, "12 tasks wait and no worker is online.")).to_be_visible()
    scene.start_workers(1)

    expect(told).to_have_count(0, timeout=SOON)
    for task in tasks:
        expect(list_.locator(f"#row-{task['id']} .status")).to_contain_text("Completed")


def test_a_broker_that_is_away_is_told_of_and_work_goes_on(start_scene: StartScene, open_page: OpenPage) -> None:
    scene = start_scene(workers=1, **UNHURRIED)
    wait_until(lambda: scene.api.http.get("/readyz").json()["status"] == "ok", "the broker is there")
    page, queues = live(open_page, scene, "/ui/tasks"), live(open_page, scene, "/ui/queues")

    scene.rabbit.stop()

    told = "RabbitMQ cannot be reached. Tasks are still accepted, and workers take them from the database."
    expect(banner(page, told)).to_be_visible(timeout=SOON)
    expect(banner(queues, told)).to_be_visible(timeout=SOON)
    task_id = scene.create("faults.work")
    expect(page.locator(f"#row-{task_id} .status")).to_contain_text("Completed", timeout=SOON)
    queues.reload()
    expect(queues.locator("main")).to_contain_text("RabbitMQ does not answer, so nobody can tell how many there are.")
    scene.rabbit.start()
    expect(banner(page, told)).to_have_count(0, timeout=SOON)
    expect(banner(queues, told)).to_have_count(0, timeout=SOON)


def test_a_database_that_is_away_is_told_of_in_words(start_scene: StartScene, open_page: OpenPage) -> None:
    scene = start_scene(workers=1)
    waiting = scene.api.create("faults.work", run_at=LATER)["id"]
    list_, task = live(open_page, scene, "/ui/tasks", *AWAY), live(open_page, scene, f"/ui/tasks/{waiting}", *AWAY)
    task.keyboard.press("p")  # so that the button stays, and its refusal is seen
    other = open_page("/ui/help", url=scene.api.url, expects=AWAY)

    scene.postgres.stop()

    told = "The database does not answer. Nothing can be changed until it is back."
    task.get_by_role("button", name="Cancel").click()
    expect(task.locator("#refusal")).to_contain_text("The database does not answer.")
    expect(task.get_by_role("button", name="Cancel")).to_be_enabled()
    expect(banner(list_, told)).to_be_visible(timeout=SOON)
    expect(list_.get_by_role("heading", name="Tasks")).to_be_visible()
    drawn = list_.locator("#live .notice.error")
    expect(drawn).to_contain_text("The database does not answer. Nothing is known to have changed; try again.")
    other.goto("/ui/queues")
    expect(banner(other, told)).to_be_visible()
    expect(other.get_by_role("heading", name="503")).to_be_visible()
    for page in (list_, task, other):
        assert '"status":' not in page.locator("body").inner_text()  # problem JSON is for programs
    scene.postgres.start()

    expect(banner(list_, told)).to_have_count(0, timeout=SOON)
    expect(list_.locator(f"#row-{waiting}")).to_be_visible()
    expect(drawn).to_have_count(0)
    task.get_by_role("button", name="Cancel").click()
    expect(task.locator(".facts .status")).to_contain_text("Cancelled")


def test_a_dead_letter_of_anybody_is_shown_as_text(start_scene: StartScene, open_page: OpenPage) -> None:
    scene = start_scene(workers=1)
    wait_until(lambda: scene.api.http.get("/readyz").json()["status"] == "ok", "the broker is there")
    letter = {"properties": {"headers": {"x-narad-reason": MARKUP}}, "routing_key": DEAD_LETTER_KEY}
    letter |= {"payload": json.dumps({"a": MARKUP}), "payload_encoding": "string"}
    scene.rabbit.request("POST", f"/exchanges/{scene.vhost}/{DEAD_LETTER_EXCHANGE}/publish", letter)

    page = open_page("/ui/dead-letters", url=scene.api.url)

    page.get_by_text("Show").click()
    expect(page.locator("main pre")).to_contain_text(json.dumps(MARKUP)[1:-1])
    assert elements_made(page) == []
