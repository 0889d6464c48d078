"""Every store, as fixtures."""

from collections.abc import AsyncIterator

import pytest

from narad.store.store import Store
from tests.support.stores import opened


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind in turn."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store on a database of each kind in turn."""
    async with opened(database_url) as store:
        yield store
