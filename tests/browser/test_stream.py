"""A stream that is cut and comes back, and a list that keeps up however much happens and however slow it is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.support.markup import refresh
from tests.support.proxy import Proxy
from tests.support.service import Embedded
from tests.support.tasks_api import TasksApi

LATER = "2999-01-01T00:00:00Z"
OF_A_CUT = ("ERR_", "Failed to fetch", "network error", "SSE", "htmx")
"""What Chromium and htmx say of a connection that is gone."""


@pytest.fixture
def network(service: Embedded) -> Iterator[Proxy]:
    """The way from the browser to the service, which can be cut."""
    with Proxy(int(service.api.url.rpartition(":")[2])) as proxy:
        yield proxy


def state(page: Page, word: str, *, seconds: float = 15) -> None:
    """See the state in the header, in words and as the element has it for its colours."""
    expect(page.locator("#live-word")).to_have_text(word, timeout=seconds * 1000)


@pytest.mark.parametrize("path", ["/ui/tasks?tag={tag}", "/ui/tasks/{task}"])
def test_a_page_whose_stream_is_cut_says_so_and_catches_up(
    open_page: OpenPage, api: TasksApi, network: Proxy, path: str
) -> None:
    tag = f"cut-{network.port}"
    task_id = api.create("demo.echo", run_at=LATER, tags=[tag])["id"]
    page = open_page(path.format(tag=tag, task=task_id), url=f"http://127.0.0.1:{network.port}", expects=OF_A_CUT)
    state(page, "Live")

    network.cut()
    state(page, "Connecting")
    expect(page.locator("#live-age")).not_to_be_empty()
    api.cancel(task_id)
    network.heal()

    state(page, "Live", seconds=30)
    expect(page.locator("main .status").filter(has_text="Cancelled").first).to_be_visible(timeout=5_000)
    expect(page.locator("#live-age")).to_be_empty()


def test_a_cut_that_nothing_tells_of_is_found_out(open_page: OpenPage, api: TasksApi, network: Proxy) -> None:
    tag = f"hole-{network.port}"
    page = open_page(f"/ui/tasks?tag={tag}", url=f"http://127.0.0.1:{network.port}", expects=OF_A_CUT)
    state(page, "Live")
    network.black_hole()
    task_id = api.create("demo.echo", tags=[tag])["id"]
    api.wait_for(task_id, "COMPLETED")
    network.heal()

    expect(page.locator(f"#row-{task_id} .status")).to_contain_text("Completed")


def test_a_list_is_drawn_though_things_happen_faster_than_it_is_made(open_page: OpenPage, api: TasksApi) -> None:
    page = open_page("/ui/tasks?tag=fast")
    state(page, "Live")
    page.route("**/ui/tasks?tag=fast", _slowly)

    with _busy(api):
        task_id = api.create("demo.echo", tags=["fast"])["id"]
        expect(page.locator(f"#row-{task_id} .status")).to_contain_text("Completed", timeout=12_000)


def _slowly(route: Route) -> None:
    """Let an answer come late: later than the next signal."""
    time.sleep(1.5)
    route.continue_()


@contextmanager
def _busy(api: TasksApi) -> Iterator[None]:
    """Have something happen all the time."""
    done = Event()

    def work() -> None:
        other = TasksApi(api.url)
        while not done.wait(0.2):
            other.create("demo.echo", tags=["busy"])
        other.close()

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_part_that_could_not_be_drawn_is_asked_for_again_soon(open_page: OpenPage) -> None:
    page = open_page("/ui/tasks?tag=again", expects=("503", "htmx"))
    state(page, "Live")
    page.route("**/ui/tasks?tag=again", lambda route: route.fulfill(status=503, body="Away for a moment."), times=1)

    assert refresh(page) == "swapped"

    expect(page.locator("#live")).to_have_text("Away for a moment.")
    expect(page.get_by_text("No task matches.")).to_be_visible(timeout=10_000)
