"""A PostgreSQL and a RabbitMQ that may be killed, and a fresh Narad on them for each test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex

import pytest

from tests.support.invariants import AUDIT
from tests.support.proxy import Proxy
from tests.support.scene import Scene, StartScene
from tests.support.servers import Postgres, Rabbit, servers
from tests.support.stores import migrate

_TEMPLATE = "faults_template"

# Said by processes to which the very thing was done that they complain of.
_EXPECTED = frozenset({"worker.lost", "worker.lease_over"})


@pytest.fixture(scope="session")
def fault_postgres() -> Iterator[Postgres]:
    """The PostgreSQL of this tier, with a template at head that writes down every move."""
    server = servers().postgres(None)
    try:
        server.start()
        server.create_database(_TEMPLATE)
        migrate(server.url(_TEMPLATE))
        server.execute(AUDIT, _TEMPLATE)
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def fault_rabbit() -> Iterator[Rabbit]:
    """The RabbitMQ of this tier."""
    server = servers().rabbit()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def start_scene(fault_postgres: Postgres, fault_rabbit: Rabbit, tmp_path: Path) -> Iterator[StartScene]:
    """Starts the one Narad of a test on a database and a vhost of its own, and sees in the end that none complained."""
    name = f"faults_{token_hex(6)}"
    fault_postgres.start()
    fault_rabbit.start()
    fault_postgres.create_database(name, _TEMPLATE)
    fault_rabbit.create_vhost(name)
    with ExitStack() as stack:
        scenes: list[Scene] = []

        def start(*, workers: int = 2, **settings: str) -> Scene:
            scene = Scene(
                tmp_path / "scene",
                postgres=fault_postgres,
                rabbit=fault_rabbit,
                database_name=name,
                vhost=name,
                database_proxy=Proxy(fault_postgres.port),
                broker_proxy=Proxy(fault_rabbit.port),
                workers=workers,
                **settings,
            )
            scenes.append(scene)
            stack.callback(scene.close)
            scene.start()
            return scene

        yield start
    for scene in scenes:
        complaints = [line for line in scene.new_complaints() if not any(word in line for word in _EXPECTED)]
        assert not complaints, "\n".join(complaints)
    fault_postgres.start()
    fault_rabbit.start()
    fault_postgres.drop_database(name)
    fault_rabbit.delete_vhost(name)
