"""The private servers of a run, and stages on them: each a database and a virtual host that nobody used before."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from benchmarks.processes import Program
from benchmarks.scale import CONCURRENCY
from narad.runtime import BUILT_IN
from narad.store.migrating import migrate_schema
from narad.worker.catalogue import describe
from narad.worker.loading import load_handlers
from tests.support.processes import NaradProcess
from tests.support.servers import Postgres, Rabbit, servers
from tests.support.stores import opened

TEMPLATE = "narad_template"

# Durability stays on. Sizes fit a machine of a few gigabytes, and are the same for everyone who is measured.
POSTGRES_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
}


class Stage:
    """A fresh database and virtual host, and the processes that were started on them."""

    def __init__(self, name: str, postgres: Postgres, rabbit: Rabbit, directory: Path, stack: ExitStack) -> None:
        """`name` is that of the database and of the virtual host."""
        self.database_url = postgres.url(name)
        self.broker_url = rabbit.url(name)
        self._name = name
        self._rabbit = rabbit
        self.directory = directory
        self._stack = stack
        self._numbers = itertools.count(1)

    def new_directory(self, name: str) -> Path:
        """The name of a directory that nobody uses."""
        return self.directory / f"{next(self._numbers)}-{name}"

    def api(self, *, broker: bool = True) -> NaradProcess:
        """Start `narad api` and wait until it serves."""
        return self._ready(self._start("api", broker=broker))

    def api_alone(self) -> NaradProcess:
        """Start the role `api` in a process of its own, and relay and upkeep in another."""
        self._start("run", "--roles", "relay,upkeep", broker=True)
        return self._ready(self._start("run", "--roles", "api", broker=True))

    def pruner(self) -> NaradProcess:
        """Start the role `upkeep`, which removes what finished more than a day ago."""
        settings = {"NARAD_RETENTION_DAYS": "1", "NARAD_PRUNE_SECONDS": "0.1"}
        return self._start("run", "--roles", "upkeep", broker=False, **settings)

    def workers(self, number: int, *, broker: bool = True) -> list[NaradProcess]:
        """Start that many `narad worker` at once and wait until all of them take tasks."""
        started = [self._start("worker", broker=broker) for _ in range(number)]
        return [self._ready(worker) for worker in started]

    def dev(self, database_url: str) -> NaradProcess:
        """Start `narad dev` on another database, without a broker."""
        return self._ready(self._start("dev", broker=False, NARAD_DATABASE_URL=database_url))

    def module(self, name: str, *arguments: str) -> Program:
        """Start a module of the benchmarks."""
        program = Program.module(name, *arguments, directory=self.new_directory(name.rpartition(".")[2]))
        self._stack.callback(program.close)
        return program

    def program(self, *command: str, **environment: str) -> Program:
        """Start any command."""
        program = Program(*command, directory=self.new_directory("program"), environment=environment)
        self._stack.callback(program.close)
        return program

    def messages(self) -> int:
        """How many messages wait in the broker, or are in the hands of consumers."""
        return sum(queue.get("messages", 0) for queue in self._rabbit.queues(self._name))

    def drop_messages(self) -> None:
        """Empty every queue of the broker."""
        for queue in self._rabbit.queues(self._name):
            self._rabbit.purge(self._name, queue["name"])

    def _start(self, command: str, *options: str, broker: bool, **more: str) -> NaradProcess:
        settings = {
            "NARAD_DATABASE_URL": self.database_url,
            "NARAD_BROKER_URL": self.broker_url if broker else "",
            "NARAD_PORT": "0",
            "NARAD_CONCURRENCY": str(CONCURRENCY),
            **more,
        }
        process = NaradProcess(command, *options, settings=settings, directory=self.new_directory(command))
        self._stack.callback(process.close)
        return process

    def _ready(self, process: NaradProcess) -> NaradProcess:
        process.wait_until_ready()
        return process


class Scene:
    """Two servers, running, and a database at head to be copied."""

    def __init__(self, postgres: Postgres, rabbit: Rabbit, directory: Path) -> None:
        self.postgres = postgres
        self.rabbit = rabbit
        self._directory = directory

    @contextmanager
    def stage(self, *, template: str | None = TEMPLATE) -> Iterator[Stage]:
        """A stage; when it ends, all of it is gone. Without a template its database is empty."""
        name = f"bench_{token_hex(6)}"
        self.postgres.create_database(name, template)
        self.rabbit.create_vhost(name)
        try:
            with ExitStack() as stack:
                yield Stage(name, self.postgres, self.rabbit, self._directory / name, stack)
        finally:
            self.rabbit.delete_vhost(name)
            self.postgres.drop_database(name)

    def versions(self) -> dict[str, Any]:
        """What the servers call themselves."""
        return {
            "rabbitmq": self.rabbit.request("GET", "/overview")["rabbitmq_version"],
            "erlang": self.rabbit.request("GET", "/overview")["erlang_version"],
        }


@contextmanager
def scene(directory: Path) -> Iterator[Scene]:
    """Start the servers, prepare the template, end everything afterwards."""
    kinds = servers()
    postgres, rabbit = kinds.postgres(POSTGRES_SETTINGS), kinds.rabbit()
    with ExitStack() as stack:
        for server in (postgres, rabbit):
            stack.callback(server.close)
            server.start()
        postgres.create_database(TEMPLATE)
        asyncio.run(prepare(postgres.url(TEMPLATE)))
        yield Scene(postgres, rabbit, directory)


async def prepare(url: str) -> None:
    """Bring a database to head, and let it know the handlers as if a worker had been there."""
    async with opened(url) as store:
        await migrate_schema(store.database)
        await store.catalogue.publish(describe(load_handlers(BUILT_IN).values()), now=datetime.now(UTC))
