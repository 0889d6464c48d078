"""The pytest plugin: fixtures that make a service for a test. Until one is asked for, nothing of it is loaded."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from narad.client import AsyncClient
    from narad.testing.clock import FrozenClock
    from narad.testing.databases import Databases
    from narad.testing.service import EmbeddedService
    from narad.worker.handler import AnyHandler


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the kit."""
    group = parser.getgroup("narad", "services for tests of handlers")
    group.addoption(
        "--narad-store",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="where the services of tests store tasks; postgres: on the server of NARAD_TEST_DATABASE_URL",
    )
    parser.addini("narad_handlers", "modules whose handlers the services of tests run", type="args", default=[])


@pytest.fixture
def narad_handlers(request: pytest.FixtureRequest) -> "Sequence[AnyHandler]":
    """The handlers that `service` runs, besides those of the option `narad_handlers`: all that the test module names.

    Define a fixture of this name to choose them yourself.
    """
    from narad.worker.loading import handlers_in

    return list(handlers_in(request.module)) if request.module is not None else []


@pytest.fixture
def narad_settings() -> Mapping[str, object]:
    """Settings of `service` that differ from those of the kit, by names such as `max_attempts`; define your own."""
    return {}


@pytest.fixture
def narad_clock() -> "FrozenClock":
    """The clock of `service`: it stands still until the test moves it."""
    from narad.testing.clock import FrozenClock

    return FrozenClock()


@pytest.fixture
def narad_service(
    request: pytest.FixtureRequest,
    narad_handlers: "Sequence[AnyHandler]",
    narad_settings: Mapping[str, object],
    narad_clock: "FrozenClock",
    narad_databases: "Databases",
) -> "Iterator[EmbeddedService]":
    """A whole service for this test alone, on an empty database: API, relay, worker and upkeep."""
    from narad.testing.service import EmbeddedService

    url = narad_databases.create()
    service = EmbeddedService(
        url,
        handlers=narad_handlers,
        modules=request.config.getini("narad_handlers"),
        clock=narad_clock,
        settings=narad_settings,
    )
    try:
        service.start()
        yield service
    finally:
        try:
            service.close()
        finally:
            narad_databases.drop(url)


@pytest.fixture
def narad_client(narad_service: "EmbeddedService") -> "AsyncClient":
    """A client of `service`, for coroutines."""
    return narad_service.client


@pytest.fixture(scope="session")
def narad_databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Databases]":
    """Where `service` gets its databases, by `--narad-store`."""
    from narad.testing.databases import URL_VARIABLE, PostgresDatabases, SqliteDatabases

    databases: Databases
    if request.config.getoption("narad_store") == "postgres":
        databases = PostgresDatabases(os.environ.get(URL_VARIABLE, ""))
    else:
        databases = SqliteDatabases(tmp_path_factory.mktemp("narad-databases"))
    try:
        yield databases
    finally:
        databases.close()


@pytest.fixture
def frozen_clock(request: pytest.FixtureRequest) -> object:
    """Short for `narad_clock`, unless another plugin has a fixture of this name."""
    return _yielding(request, "frozen_clock", "narad_clock")


@pytest.fixture
def service(request: pytest.FixtureRequest) -> object:
    """Short for `narad_service`, unless another plugin has a fixture of this name."""
    return _yielding(request, "service", "narad_service")


@pytest.fixture
def client(request: pytest.FixtureRequest) -> object:
    """Short for `narad_client`, unless another plugin has a fixture of this name."""
    return _yielding(request, "client", "narad_client")


def _yielding(request: pytest.FixtureRequest, name: str, ours: str) -> object:
    """What another plugin gives under the same name, or else ours: being installed must change nothing.

    Plugins come in an order that nobody chooses. A fixture that asks for its own name gets the one that it overrides.
    """
    others: object
    try:
        others = request.getfixturevalue(name)
    except pytest.FixtureLookupError as error:
        if error.argname != name:
            raise
        others = request.getfixturevalue(ours)
    return others
