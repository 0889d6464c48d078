"""What a page asks of the database: at most six statements, also where nothing that it shows is kept from before."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html import unescape

import httpx2
import pytest
from sqlalchemy import text

from narad.api.caller import Caller
from narad.dashboard import counts, standing
from narad.domain.status import Status
from narad.errors import StoreUnavailableError
from narad.store.failures import MOST_FAILURES
from narad.store.store import Store
from tests.support.population import fresh, put
from tests.support.services import pages_of, services_on
from tests.support.statements import noticed
from tests.support.stores import opened

MOST_STATEMENTS = 6
PAGES = (
    "/ui", "/ui?range=7d", "/ui/failures",
    "/ui/tasks", "/ui/tasks?limit=5", "/ui/tasks?status=FAILED&limit=1", "/ui/tasks?q=alpha&limit=1",
    "/ui/tasks/new", "/ui/tasks/{task}", "/ui/tasks/{task}?tab=attempts", "/ui/tasks/{task}?tab=logs", "/ui/bulk",
    "/ui/queues", "/ui/dead-letters", "/ui/workers", "/ui/handlers", "/ui/system",
    "/ui/keys", "/ui/keys/new", "/ui/audit", "/ui/help", "/ui/login", "/ui/nothing",
)  # fmt: skip


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The statements that were sent while the test runs."""
    with noticed() as statements:
        yield statements


@pytest.fixture
async def http(store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """The pages of a process that has answered nobody yet."""
    async with pages_of(store) as http:
        yield http


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_made_with_few_statements(
    store: Store, http: httpx2.AsyncClient, statements: list[str], path: str
) -> None:
    population = [fresh() for _ in range(40)]
    await put(store, population)
    shown = next(one.task for one in population if one.task.status is Status.FAILED)
    statements.clear()

    answer = await http.get(path.format(task=shown.id))

    assert answer.status_code == (404 if path == "/ui/nothing" else 200), answer.text
    assert len(statements) <= MOST_STATEMENTS, "\n\n".join(statements)
    if path.startswith("/ui/tasks"):
        assert statements


async def test_a_page_that_asks_again_at_once_counts_nothing_again(
    store: Store, http: httpx2.AsyncClient, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((counts, "SHORTEST_SECONDS"), (standing, "FRESH_SECONDS")):
        monkeypatch.setattr(module, name, counts.LONGEST_SECONDS)
    await put(store, [fresh() for _ in range(40)])
    await http.get("/ui/tasks?limit=5")
    statements.clear()

    answer = await http.get("/ui/tasks?limit=5&sort=created_at")

    assert "40 tasks" in answer.text
    assert len(statements) <= 2, "\n\n".join(statements)  # the list itself


async def test_failures_are_read_once_for_all_pages_that_ask_at_once(
    store: Store, http: httpx2.AsyncClient, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "SHORTEST_SECONDS", counts.LONGEST_SECONDS)
    await put(store, [fresh() for _ in range(40)])
    statements.clear()

    pages = await asyncio.gather(*(http.get(path) for path in ("/ui", "/ui/failures", "/ui?range=24h", "/ui/failures")))

    assert [page.status_code for page in pages] == [200] * len(pages)
    assert len([one for one in statements if "traceback" in one]) == 1, "\n\n".join(statements)


async def test_failures_that_were_not_looked_at_are_not_said_to_be_none(
    store: Store, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = [made for made in (fresh() for _ in range(MOST_FAILURES * 12)) if made.task.status is Status.FAILED]
    await put(store, failed[:MOST_FAILURES])
    one_handler = failed[0].task.handler

    monkeypatch.setattr(Caller, "may_use", lambda _caller, handler: handler == one_handler)
    some = (await http.get("/ui/failures")).text
    monkeypatch.setattr(Caller, "may_use", lambda _caller, _handler: False)
    none, overview = (await http.get("/ui/failures")).text, (await http.get("/ui")).text

    assert f"Only the {MOST_FAILURES} failed tasks that were created last are looked at" in some
    assert "No task has failed." not in none
    assert "Nothing failed in this time." not in overview
    for page in (none, overview):
        assert f"None of the {MOST_FAILURES} failed tasks that were created last is to be shown here." in page


async def test_a_search_for_what_nobody_has_ends_early_and_goes_on(
    store: Store, http: httpx2.AsyncClient, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "ROWS", 10)
    population = sorted((fresh() for _ in range(35)), key=lambda one: one.task.id)
    oldest = population[0].task
    named = replace(population[0], task=replace(oldest, name="the needle"))
    await put(store, [named, *population[1:]])
    address, seen = "/ui/tasks?q=NEEDLE", 0

    while True:
        statements.clear()
        page = (await http.get(address)).text
        assert len(statements) <= MOST_STATEMENTS, "\n\n".join(statements)
        further = re.search(r'<a href="([^"]+)">Search further</a>', page)
        if further is None:
            break
        assert "No task matches so far." in page
        assert "10 tasks were searched for this page." in page
        address, seen = unescape(further[1]), seen + 1

    assert seen == 3
    assert f'id="row-{oldest.id}"' in page
    assert 'rel="next"' not in page


async def test_a_count_of_what_was_searched_says_at_least(
    store: Store, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "ROWS", 10)
    await put(store, [fresh() for _ in range(30)])

    few, many = (await http.get("/ui/tasks?has_error=false&limit=2")).text, (await http.get("/ui/tasks")).text

    assert re.search(r">\d+\+ tasks<", few)
    assert ">30 tasks<" in many


async def test_many_who_wait_for_one_count_wait_no_longer_than_a_request_may(postgres_url: str) -> None:
    async with opened(postgres_url) as store, opened(postgres_url) as other, other.database.transaction() as connection:
        await connection.execute(text("LOCK TABLE stats IN ACCESS EXCLUSIVE MODE"))
        hanging = counts.Counts(replace(services_on(store), timeout_seconds=0.2))

        async with asyncio.timeout(2):
            answers = await asyncio.gather(*(hanging.statuses() for _ in range(20)), return_exceptions=True)

    assert {type(one) for one in answers} == {StoreUnavailableError}
