"""Running services, one for each mode that ends with this tier, and fresh ones for tests that break something."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeAlias, TypeVar

import pytest

from tests.support.keys_api import Locked
from tests.support.processes import NaradProcess
from tests.support.servers import Postgres, Rabbit
from tests.support.service import Distributed, Embedded, Service, StartDistributed, StartEmbedded, StartService
from tests.support.tasks_api import TasksApi

Directories: TypeAlias = Callable[[], Path]
S = TypeVar("S", bound=Service)


@pytest.fixture(scope="session")
def new_directory(tmp_path_factory: pytest.TempPathFactory) -> Directories:
    """Makes names of directories for services."""
    return lambda: tmp_path_factory.mktemp("narad", numbered=True) / "service"


@pytest.fixture(scope="session")
def template_database(postgres_server: Postgres, new_directory: Directories) -> Iterator[str]:
    """The name of a database that `narad migrate` has prepared, to be copied."""
    name = f"template_{token_hex(6)}"
    postgres_server.create_database(name)
    migration = NaradProcess(
        "migrate", settings={"NARAD_DATABASE_URL": postgres_server.url(name)}, directory=new_directory()
    )
    assert migration.wait() == 0, migration.tail()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def start_embedded(new_directory: Directories) -> Iterator[StartEmbedded]:
    """Starts a fresh embedded service with more settings; it ends with the test."""
    with ExitStack() as stack:

        def start(**settings: str) -> Embedded:
            return stack.enter_context(_running(Embedded(new_directory(), **settings)))

        yield start


@pytest.fixture
def start_distributed(
    postgres_server: Postgres, rabbit_server: Rabbit, template_database: str, new_directory: Directories
) -> Iterator[StartDistributed]:
    """Starts a fresh distributed service with more settings, on a database and a vhost of its own."""
    with ExitStack() as stack:

        def start(*, broker: Rabbit = rabbit_server, **options: Any) -> Distributed:  # noqa: ANN401 - passed on
            database = stack.enter_context(_database(postgres_server, template_database))
            vhost = stack.enter_context(_vhost(broker))
            service = Distributed(new_directory(), database=database, broker=vhost, **options)
            return stack.enter_context(_running(service))

        yield start


@pytest.fixture(params=["embedded", "distributed"])
def start_service(request: pytest.FixtureRequest) -> StartService:
    """Starts a fresh service in either mode, with one worker process."""
    if request.param == "embedded":
        embedded: StartEmbedded = request.getfixturevalue("start_embedded")
        return embedded
    distributed: StartDistributed = request.getfixturevalue("start_distributed")
    return partial(distributed, workers=1)


@pytest.fixture(scope="package")
def embedded(new_directory: Directories) -> Iterator[Embedded]:
    """An embedded service that tests share."""
    with _running(Embedded(new_directory())) as service:
        yield service


@pytest.fixture(scope="package")
def distributed(
    postgres_server: Postgres, rabbit_server: Rabbit, template_database: str, new_directory: Directories
) -> Iterator[Distributed]:
    """A distributed service with two workers that tests share."""
    with (
        _database(postgres_server, template_database) as database,
        _vhost(rabbit_server) as broker,
        _running(Distributed(new_directory(), database=database, broker=broker)) as service,
    ):
        yield service


@pytest.fixture(params=["embedded", "distributed"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service that tests share, in both modes: mark your tasks, and leave its processes alone."""
    shared: Service = request.getfixturevalue(request.param)
    yield shared
    _see_no_complaints(shared)


@pytest.fixture(scope="package")
def locked_embedded(new_directory: Directories) -> Iterator[Locked]:
    """An embedded service with keys that tests share."""
    with _running(Embedded(new_directory())) as service:
        yield Locked(service)


@pytest.fixture(scope="package")
def locked_distributed(
    postgres_server: Postgres, rabbit_server: Rabbit, template_database: str, new_directory: Directories
) -> Iterator[Locked]:
    """A distributed service with keys that tests share."""
    with (
        _database(postgres_server, template_database) as database,
        _vhost(rabbit_server) as broker,
        _running(Distributed(new_directory(), database=database, broker=broker, workers=1)) as service,
    ):
        yield Locked(service)


@pytest.fixture(params=["embedded", "distributed"])
def locked(request: pytest.FixtureRequest) -> Iterator[Locked]:
    """The service with keys that tests share, in both modes."""
    shared: Locked = request.getfixturevalue(f"locked_{request.param}")
    yield shared
    _see_no_complaints(shared.service)


@pytest.fixture
def api(service: Service) -> TasksApi:
    """The HTTP API of the shared service."""
    return service.api


@pytest.fixture
def tag() -> str:
    """A tag for the tasks of this test alone."""
    return f"test-{token_hex(6)}"


@contextmanager
def _running(service: S) -> Iterator[S]:
    """Start a service, and see at its end that none of its processes complained."""
    try:
        service.start()
        yield service
    finally:
        service.close()
    _see_no_complaints(service)


def _see_no_complaints(service: Service) -> None:
    complaints = service.new_complaints()
    assert not complaints, "\n".join(complaints)


@contextmanager
def _database(server: Postgres, template: str) -> Iterator[str]:
    """The URL of a fresh copy of the template."""
    name = f"acceptance_{token_hex(6)}"
    server.start()
    server.create_database(name, template)
    yield server.url(name)
    server.start()
    server.drop_database(name)


@contextmanager
def _vhost(server: Rabbit) -> Iterator[str]:
    """The URL of a fresh virtual host."""
    name = f"acceptance-{token_hex(6)}"
    server.start()
    server.create_vhost(name)
    yield server.url(name)
    server.start()
    server.delete_vhost(name)
