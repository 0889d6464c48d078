"""The page with the API: on files of the package alone, whatever is before the service."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import httpx2
import pytest
from fastapi import FastAPI

from narad.api import errors
from narad.api.app import ROUTES
from tests.support.openapi_snapshot import current
from tests.support.pages import Page
from tests.support.repository import ROOT, text_of

FOLDER = ROOT / "narad" / "api" / "swagger_ui"
OURS = {"index.html", "start.js", "vendored.json"}


def application() -> FastAPI:
    """The routes of the service, without what stands behind them."""
    app = FastAPI(openapi_url=None, routes=[*ROUTES])
    app.openapi = current  # type: ignore[method-assign] # FastAPI's documented way to extend it
    errors.register(app)
    return app


@pytest.fixture(params=["", "/told", "/stripped"])
async def page(request: pytest.FixtureRequest) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """A client, and the address of the page: at the root, and under a path that the service is told of or is not."""
    prefix: str = request.param
    app = application()
    transport = httpx2.ASGITransport(app=app, root_path=prefix if prefix == "/told" else "")

    async def stripped(sent: httpx2.Request) -> None:
        sent.url = sent.url.copy_with(path=sent.url.path.removeprefix("/stripped"))

    hooks = {"request": [stripped]} if prefix == "/stripped" else {}
    async with httpx2.AsyncClient(transport=transport, event_hooks=hooks) as client:
        yield client, f"http://narad{prefix}/docs"


async def test_everything_that_the_page_loads_is_there(page: tuple[httpx2.AsyncClient, str]) -> None:
    client, address = page
    answer = await client.get(address)
    addresses = [urljoin(address, one) for one in Page(answer.text).loads if not one.startswith("data:")]
    files = [(await client.get(one)).raise_for_status() for one in addresses]
    kinds = [file.headers["content-type"].partition(";")[0] for file in files]

    assert all(one.startswith(f"{address}/") for one in addresses)

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert sorted(kinds) == ["text/css", "text/javascript", "text/javascript"]


async def test_the_script_finds_the_document(page: tuple[httpx2.AsyncClient, str]) -> None:
    client, address = page
    named = re.search(r'new URL\("(.+?)", document\.baseURI\)', text_of("narad/api/swagger_ui/start.js"))
    assert named is not None

    place = urljoin(address, named[1])
    answer = await client.get(place)

    assert place == address.replace("/docs", "/openapi.json")
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    assert urljoin(str(answer.request.url), document["servers"][0]["url"]).endswith("/")


async def test_the_policy_of_the_page_runs_nothing_but_its_files(page: tuple[httpx2.AsyncClient, str]) -> None:
    client, address = page
    answer = await client.get(address)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert Page(answer.text).inline == []
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui-bundle.js", "/openapi.json"])
async def test_what_a_client_has_is_not_sent_again(path: str) -> None:
    app = application()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://narad") as client:
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        other = await client.get(path, headers={"If-None-Match": '"other"'})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("name", ["vendored.json", "LICENSE", "index.html", "..%2Freference.py", "%2e%2e/app.py", "x"])
async def test_no_other_file_is_served(name: str) -> None:
    app = application()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://narad") as client:
        assert (await client.get(f"/docs/{name}")).status_code == 404


def test_the_files_of_others_are_as_they_came() -> None:
    vendored = json.loads(text_of("narad/api/swagger_ui/vendored.json"))
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir() if path.name not in OURS
    }

    assert hashes == vendored["files"]
    assert {"LICENSE", "NOTICE"} <= hashes.keys()
    assert re.fullmatch(r"\d+\.\d+\.\d+", vendored["version"])
