"""Where scenes are played: a PostgreSQL and a RabbitMQ that may be killed, and a fresh Narad on them for each scene."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

from tests.support.invariants import AUDIT
from tests.support.proxy import Proxy
from tests.support.scene import Scene, StartScene
from tests.support.servers import Postgres, Rabbit, servers
from tests.support.stores import migrate

_TEMPLATE = "faults_template"


@contextmanager
def audited_postgres() -> Iterator[Postgres]:
    """A PostgreSQL with a template at head that writes down every move."""
    server = servers().postgres(None)
    try:
        server.start()
        server.create_database(_TEMPLATE)
        migrate(server.url(_TEMPLATE))
        server.execute(AUDIT, _TEMPLATE)
        yield server
    finally:
        server.close()


@contextmanager
def fresh_rabbit() -> Iterator[Rabbit]:
    """A RabbitMQ."""
    server = servers().rabbit()
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def scenery(postgres: Postgres, rabbit: Rabbit, directory: Path) -> Iterator[StartScene]:
    """Starts the one Narad of a scene, on a database and a vhost of its own; sees in the end that none complained."""
    name = f"faults_{token_hex(6)}"
    postgres.start()
    rabbit.start()
    postgres.create_database(name, _TEMPLATE)
    rabbit.create_vhost(name)
    with ExitStack() as stack:
        scenes: list[Scene] = []

        def start(*, workers: int = 2, **settings: str) -> Scene:
            scene = Scene(
                directory,
                postgres=postgres,
                rabbit=rabbit,
                database_name=name,
                vhost=name,
                database_proxy=Proxy(postgres.port),
                broker_proxy=Proxy(rabbit.port),
                workers=workers,
                **settings,
            )
            scenes.append(scene)
            stack.callback(scene.close)
            scene.start()
            return scene

        yield start
    complaints = [line for scene in scenes for line in scene.new_complaints()]
    assert not complaints, "\n".join(complaints)
    postgres.start()
    rabbit.start()
    postgres.drop_database(name)
    rabbit.delete_vhost(name)
