"""Fixtures for every tier. Nothing is imported from here: what tests import lives in `tests.support`."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from narad.store.store import Store
from tests.support.servers import Postgres, Rabbit, servers
from tests.support.stores import migrate, opened

TESTS = Path(__file__).parent
TEMPLATE = "narad_template"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave tests in the order that chance gave them within their tier, and take tier by tier.

    What the tests of a tier share ends with it and is not started again. The short tests come last, for they fill up
    the last minutes of several processes best.
    """
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0])


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting leaks in from the shell, from a `.env` of the working directory, or from the test before."""
    for name in list(os.environ):
        if name.startswith("NARAD_") and not name.startswith("NARAD_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A private PostgreSQL for the session. A test may kill it: whoever needs it next starts it again."""
    server = servers().postgres(None)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[Rabbit]:
    """A private RabbitMQ for the session. A test may kill or wipe it: whoever needs it next starts it again."""
    server = servers().rabbit()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_database(postgres_server: Postgres) -> Iterator[str]:
    """The URL of an empty database of this test alone."""
    name = f"test_{token_hex(6)}"
    postgres_server.start()
    postgres_server.create_database(name)
    yield postgres_server.url(name)
    postgres_server.start()
    postgres_server.drop_database(name)


@pytest.fixture
def vhost(rabbit_server: Rabbit) -> Iterator[str]:
    """The AMQP URL of an empty virtual host of this test alone."""
    name = f"test-{token_hex(6)}"
    rabbit_server.start()
    rabbit_server.create_vhost(name)
    yield rabbit_server.url(name)
    rabbit_server.start()
    rabbit_server.delete_vhost(name)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres) -> str:
    """The name of a database at head, to be copied."""
    postgres_server.create_database(TEMPLATE)
    # A plan that knows no parameters is what a long-lived connection ends up with; it must be as good as the others.
    postgres_server.execute(f"ALTER DATABASE {TEMPLATE} SET plan_cache_mode = force_generic_plan")
    migrate(postgres_server.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def postgres_url(postgres_server: Postgres, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database at head, of this test alone."""
    name = f"test_{token_hex(6)}"
    postgres_server.create_database(name, template=postgres_template)
    postgres_server.execute(f"ALTER DATABASE {name} SET plan_cache_mode = force_generic_plan")
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database at head, of this test alone."""
    url = f"sqlite:///{tmp_path}/narad.db"
    migrate(url)
    return url


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
