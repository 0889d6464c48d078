"""Which servers the tests run on, and what every kind of them can do.

`NARAD_TEST_SERVERS` chooses: empty for what the machine has, else Docker; `docker` for containers in any case; `17/4`
for PostgreSQL 17 and RabbitMQ 4 from another Debian release (`make test-versions`).
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

from tests.support import versions
from tests.support.binaries import Binaries, MissingServerError, find_postgres, find_rabbitmq
from tests.support.docker import DockerPostgres, DockerRabbit
from tests.support.engine import engine_answers
from tests.support.postgres import PostgresServer
from tests.support.rabbitmq import RabbitServer
from tests.support.roots import Root


class Server(Protocol):
    """What can be done to any server. All of it blocks: from a coroutine, call it through `asyncio.to_thread`."""

    port: int

    @property
    def running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...


class Postgres(Server, Protocol):
    """A private PostgreSQL."""

    def url(self, database: str) -> str: ...
    def create_database(self, name: str, template: str | None = None) -> None: ...
    def drop_database(self, name: str) -> None: ...
    def execute(self, statement: str, database: str = "postgres") -> None: ...


class Rabbit(Server, Protocol):
    """A private RabbitMQ."""

    management_port: int

    def wipe(self) -> None: ...
    def url(self, vhost: str = "/") -> str: ...
    def create_vhost(self, name: str) -> None: ...
    def delete_vhost(self, name: str) -> None: ...
    def queues(self, vhost: str) -> list[dict[str, Any]]: ...
    def purge(self, vhost: str, queue: str) -> None: ...
    def delete_queue(self, vhost: str, queue: str) -> None: ...
    def kill_queue(self, vhost: str, queue: str) -> None: ...
    def get(self, vhost: str, queue: str, count: int = 1, *, requeue: bool = False) -> list[dict[str, Any]]: ...
    def connections(self) -> list[dict[str, Any]]: ...
    def request(self, method: str, path: str, body: object = None) -> Any: ...  # noqa: ANN401 - JSON


@dataclass(frozen=True)
class Servers:
    """Makes servers, not started yet, each with ports, password and directory of its own."""

    postgres: Callable[[Mapping[str, str] | None], Postgres]
    rabbit: Callable[[], Rabbit]


def servers() -> Servers:
    """The kind of servers that `NARAD_TEST_SERVERS` asks for."""
    choice = os.environ.get("NARAD_TEST_SERVERS", "")
    if choice == "":
        return Servers(_postgres_of_machine, _rabbit_of_machine)
    if choice == "docker":
        return Servers(_docker_postgres, _docker_rabbit)
    if choice == versions.NAME:
        root = versions.root()
        return Servers(lambda settings: _postgres(find_postgres(root), settings), lambda: _rabbit(find_rabbitmq(root)))
    message = f"NARAD_TEST_SERVERS={choice}: not one of docker, {versions.NAME}"
    raise ValueError(message)


def _postgres_of_machine(settings: Mapping[str, str] | None) -> Postgres:
    try:
        return _postgres(find_postgres(), settings)
    except MissingServerError:
        if engine_answers():
            return _docker_postgres(settings)
        raise


def _rabbit_of_machine() -> Rabbit:
    try:
        return _rabbit(find_rabbitmq())
    except MissingServerError:
        if engine_answers():
            return _docker_rabbit()
        raise


def _postgres(binaries: Binaries, settings: Mapping[str, str] | None) -> Postgres:
    return PostgresServer(binaries, _new_directory(binaries.root, "postgres"), settings)


def _rabbit(binaries: Binaries) -> Rabbit:
    return RabbitServer(binaries, _new_directory(binaries.root, "rabbitmq"))


def _docker_postgres(settings: Mapping[str, str] | None) -> Postgres:
    return DockerPostgres(_new_directory(Root(), "postgres"), settings)


def _docker_rabbit() -> Rabbit:
    return DockerRabbit(_new_directory(Root(), "rabbitmq"))


def _new_directory(root: Root, name: str) -> Path:
    """A name nobody else uses. Not pytest's temporary directory: the servers' users may not enter that."""
    parent = Path(tempfile.gettempdir()) if root == Root() else root.path / "tmp"
    return parent / f"narad-{name}-{token_hex(6)}"
