"""Text of others stays text: nothing that an address, a form or a stored field holds becomes a part of a page.

Chromium says so: no element and no attribute is made of it, no script runs, and the policy is never asked to stop one.
"""

import pkgutil
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine

from narad.api.fleet_schemas import WorkerQuery
from narad.api.keys_schemas import AuditQuery, PageQuery
from narad.api.task_query import TaskQuery
from narad.dashboard import pages
from narad.dashboard.access import NEXT
from narad.dashboard.pages.task import TABS
from narad.dashboard.queries import PAGE_PARAMETERS
from narad.dashboard.words import COLUMN
from narad.domain.fleet import WorkerState
from narad.domain.status import Status
from tests.browser.conftest import Directories, OpenPage
from tests.support.browser import opened
from tests.support.dashboard import Reader
from tests.support.markup import (
    HANDLERS,
    HOSTILE,
    MARKUP,
    NOT_SHOWN,
    Planted,
    elements_made,
    fields,
    in_field,
    plant,
    refresh,
    said,
    says,
    shown_fields,
)
from tests.support.service import Embedded

REFUSED: Final = ("status of 4", "cannot be parsed, or is out of range")
"""What Chromium says of an answer that is a refusal, and of a text in a field for numbers; rightly so."""
_NO_PAGES: Final = re.compile(
    r"/ui/events|/ui/static/.*|/ui/tasks/export\..*|/ui/system/diagnostics|/ui/charts/.*|/|/favicon\.ico"
)
OF_FORM: Final = (
    "name", "description", "handler", "priority", "queue", "payload", "tags", "run_at", "timeout_seconds",
    "max_attempts", "like", "as",
)  # fmt: skip
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "/ui/tasks": (*TaskQuery.model_fields, "search", "columns"),
    "/ui/tasks/new": OF_FORM,
    "/ui/tasks/{task}": ("tab",),
    "/ui/workers": tuple(WorkerQuery.model_fields),
    "/ui/keys": tuple(PageQuery.model_fields),
    "/ui/audit": tuple(AuditQuery.model_fields),
    "/ui/login": (NEXT,),
    "/ui": ("range",),
    "/ui/failures": (),
    "/ui/help": (),
}
"""Pages and the parameters that they read, beside those that every page has; a page of the others reads none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A service full of hostile text, and a reader who is logged in by a key with a hostile name."""

    url: str
    planted: Mapping[str, Planted]
    storage: Any

    @property
    def task(self) -> str:
        """A task that has failed."""
        return str(self.planted[MARKUP].tasks[Status.FAILED])

    def paths(self, hostile: str) -> list[str]:
        """Pages that show all of the text that was stored."""
        return paths_of(self.planted[hostile], HANDLERS[hostile])


@pytest.fixture(scope="module")
def ground(browser: Browser, new_directory: Directories) -> Iterator[Ground]:
    service = Embedded(new_directory())
    try:
        service.start()
        engine = create_engine(service.settings["NARAD_DATABASE_URL"], connect_args={"timeout": 30})
        planted = {hostile: plant(engine, hostile) for hostile in HOSTILE}
        engine.dispose()
        made = service.api.http.post("/api/v1/keys", json={"name": MARKUP, "owner": MARKUP, "role": "admin"})
        assert made.status_code == 201, made.text
        with opened(browser, service.api.url) as (page, _):
            page.goto("/ui/login")
            page.get_by_label("API key").fill(made.json()["key"])
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            storage = page.context.storage_state()
        yield Ground(url=service.api.url, planted=planted, storage=storage)
    finally:
        service.close()
    assert not service.new_complaints()


def paths_of(planted: Planted, handler: str) -> list[str]:
    """Pages that show all that was stored."""
    ended = (planted.tasks[Status.FAILED], planted.tasks[Status.COMPLETED])
    return [
        "/ui",
        f"/ui/tasks?limit=200&columns={','.join(COLUMN)}",
        *(f"/ui/tasks/{task_id}?tab={tab}" for task_id in ended for tab, _ in TABS),
        *(f"/ui/tasks/{planted.tasks[status]}" for status in (Status.PENDING, Status.IN_PROGRESS, Status.CANCELLED)),
        *(f"/ui/tasks/new?like={task_id}" for task_id in ended),
        f"/ui/tasks/new?handler={handler}",
        "/ui/failures",
        "/ui/bulk",
        f"/ui/bulk/{planted.operation}",
        "/ui/queues",
        "/ui/dead-letters",
        f"/ui/workers?{urlencode([('state', one) for one in WorkerState])}",
        f"/ui/workers/{planted.worker}",
        "/ui/handlers",
        f"/ui/handlers/{handler}",
        "/ui/system",
        "/ui/keys",
        "/ui/keys/new",
        "/ui/audit",
        "/ui/help",
        "/ui/login",
    ]


def routes() -> list[APIRoute]:
    """The routes of all pages that can be opened."""
    modules = [import_module(f"{pages.__name__}.{one.name}") for one in pkgutil.iter_modules(pages.__path__)]
    routers = [value for module in modules for value in vars(module).values() if isinstance(value, APIRouter)]
    found = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return [route for route in found if "GET" in (route.methods or ()) and not _NO_PAGES.fullmatch(route.path)]


def test_every_page_is_tried(ground: Ground) -> None:
    paths = [urlsplit(path).path for path in ground.paths(MARKUP)]

    assert [route.path for route in routes() if not any(route.path_regex.fullmatch(path) for path in paths)] == []
    assert len({route.path for route in routes()}) >= len(PARAMETERS)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("hostile", HOSTILE, ids=["markup", "link"])
def test_nothing_stored_becomes_a_part_of_a_page(ground: Ground, open_page: OpenPage, hostile: str) -> None:
    page = open_page("/ui/help", url=ground.url, storage_state=ground.storage)
    texts = []
    for path in ground.paths(hostile):
        page.goto(path)
        assert elements_made(page) == [], path
        texts.append(said(page))
        assert refresh(page) != "not swapped", path
        assert elements_made(page) == [], f"{path} drawn again"

    assert set(fields()) - NOT_SHOWN - shown_fields("\n".join(texts), hostile) == set()
    assert says(texts[0], MARKUP)  # the name of the key in the header


@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", PARAMETERS)
def test_nothing_in_an_address_becomes_a_part_of_a_page(ground: Ground, open_page: OpenPage, path: str) -> None:
    path = path.format(task=ground.task)
    page = open_page(path, url=ground.url, storage_state=ground.storage, expects=REFUSED)
    for hostile in HOSTILE:
        for name in (*PARAMETERS.get(path, ("tab",)), *sorted(PAGE_PARAMETERS), hostile):
            page.goto(f"{path}?{urlencode({name: hostile})}")
            expect(page.locator("h1")).to_be_visible()
            assert elements_made(page) == [], name


def test_what_was_looked_for_is_shown_as_it_was_written(ground: Ground, open_page: OpenPage) -> None:
    page = open_page(url=ground.url, storage_state=ground.storage)
    for name in ("name", "q", "handler", "queue", "tag", "error_type"):
        page.goto(f"/ui/tasks?{urlencode({name: MARKUP})}")

        expect(page.locator("ul.chips")).to_have_text(f"{name}={MARKUP}")


@pytest.mark.parametrize("hostile", HOSTILE, ids=["markup", "link"])
@pytest.mark.parametrize("path", ["/ui/", "/ui/tasks/", "/ui/bulk/", "/ui/workers/", "/ui/handlers/"])
def test_nothing_in_a_path_becomes_a_part_of_a_page(
    ground: Ground, open_page: OpenPage, path: str, hostile: str
) -> None:
    page = open_page(path + quote(hostile, safe=""), url=ground.url, storage_state=ground.storage, expects=REFUSED)

    expect(page.get_by_role("alert")).to_be_visible()
    assert elements_made(page) == []


@pytest.mark.timeout(240)
def test_no_page_repeats_any_parameter_as_markup(ground: Ground) -> None:
    names = {name for some in PARAMETERS.values() for name in some} | PAGE_PARAMETERS | {MARKUP}
    with closing(Reader(ground.url)) as reader:
        for cookie in ground.storage["cookies"]:
            reader.http.cookies.set(cookie["name"], cookie["value"], path=cookie["path"])
        for path in sorted({urlsplit(one).path for one in ground.paths(MARKUP)}):
            for name in sorted(names):
                answer = reader.http.get(path, params={name: MARKUP})
                assert answer.status_code < 500, (path, name)
                assert "<img class=hostile" not in answer.text, (path, name)


@pytest.mark.parametrize(
    "path", ["/ui/tasks/new", f"/ui/tasks/new?handler={HANDLERS[MARKUP]}", "/ui/keys/new", "/ui/login"]
)
def test_a_form_that_is_shown_again_shows_what_was_written(ground: Ground, open_page: OpenPage, path: str) -> None:
    page = open_page(path, url=ground.url, storage_state=ground.storage, expects=REFUSED)
    with page.expect_navigation():
        page.evaluate(
            """(hostile) => {
                const form = document.querySelector('main form[method=post]');
                for (const one of form.elements) {
                    if (!one.matches('input:not([type=hidden], [type=checkbox]), textarea')) continue;
                    if (one.tagName === 'INPUT') one.type = 'text';
                    one.value = hostile;
                }
                form.submit();
            }""",
            MARKUP,
        )

    expect(page.get_by_role("alert").first).to_be_visible()
    assert elements_made(page) == []
    if path != "/ui/login":
        expect(page.get_by_label("Name", exact=True)).to_have_value(MARKUP)


def test_the_preview_of_a_bulk_operation_shows_filters_and_reason_as_text(ground: Ground, open_page: OpenPage) -> None:
    tag = in_field(MARKUP, "tasks.tags")
    page = open_page(f"/ui/tasks?{urlencode({'tag': tag})}", url=ground.url, storage_state=ground.storage)
    page.locator("#tick-all").click()
    page.locator("#bulk-all input").check()
    page.locator("#bulk").get_by_label("Reason").fill(MARKUP)

    page.get_by_role("button", name="See what it would do").click()

    expect(page.get_by_role("dialog")).to_contain_text(f"tag={tag}")
    expect(page.get_by_role("dialog").locator("input[name=reason]")).to_have_value(MARKUP)
    assert elements_made(page) == []
