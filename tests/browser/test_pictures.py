"""The pictures in the documentation show the pages as they are: `make screenshots` renews them."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.dashboard import Reader
from tests.support.pictures import MOST_BYTES, PICTURES, WIDTH, Picture, Scheme, service_of_the_day, size_of, take

RENEWS = bool(os.environ.get("NARAD_TEST_RENEWS_PICTURES"))
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
MOST_PAGE_BYTES = 60_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the pictured day is shown."""
    with service_of_the_day(tmp_path_factory.mktemp("day")) as address:
        yield address


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_the_documentation_has_a_picture_of_the_page(
    browser: Browser, address: str, picture: Picture, scheme: Scheme
) -> None:
    taken = take(browser, address, picture, scheme)
    if RENEWS:
        picture.file(scheme).parent.mkdir(exist_ok=True)
        picture.file(scheme).write_bytes(taken)

    kept = picture.file(scheme).read_bytes()

    assert size_of(kept) == size_of(taken) == (WIDTH, picture.height)
    assert max(len(kept), len(taken)) < MOST_BYTES


@pytest.mark.parametrize("path", ["/ui?range=1h", "/ui?range=24h", "/ui?range=7d", "/ui/failures"])
def test_a_page_of_a_busy_service_is_small(address: str, path: str) -> None:
    reader = Reader(address)
    answer = reader.open(path)
    reader.close()

    assert answer.status_code == 200
    assert len(answer.content) <= MOST_PAGE_BYTES
