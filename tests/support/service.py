"""A running Narad in one of its two modes, from its command line to its HTTP address."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from typing_extensions import override

from tests.support.processes import NaradProcess
from tests.support.tasks_api import TasksApi

HANDLERS = "tests.support.handlers,examples.digests"

# Everything that costs waiting is short, yet not so short that idle services take the machine from the others; a lease
# is long enough for a busy machine.
_SETTINGS = {
    "NARAD_PORT": "0",
    "NARAD_HANDLERS": HANDLERS,
    "NARAD_HEARTBEAT_SECONDS": "1",
    "NARAD_LEASE_SECONDS": "5",
    "NARAD_RESCUE_SECONDS": "1",
    "NARAD_SWEEP_SECONDS": "1",
    "NARAD_POLL_SECONDS": "1",
    "NARAD_STATS_SECONDS": "0.5",
    "NARAD_BACKOFF_SECONDS": "0.2",
    "NARAD_CANCEL_GRACE_SECONDS": "2",
    "NARAD_DRAIN_SECONDS": "2",
}


class Service(ABC):
    """One Narad: its processes, its address, and a directory that its handlers may write to."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        """Start nothing yet; `settings` win over those that tests start with."""
        self.directory = directory
        self.shared = directory / "shared"
        self.shared.mkdir(parents=True)
        self.settings = _SETTINGS | {"TESTS_SHARED": str(self.shared)} | dict(settings)
        self.processes: list[NaradProcess] = []
        self._numbers = itertools.count(1)
        self._known_complaints: set[str] = set()
        self._api: TasksApi | None = None

    @property
    def api(self) -> TasksApi:
        """The HTTP API."""
        if self._api is None:
            raise LookupError("the service is not started")
        return self._api

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it serves."""

    def run(self, *arguments: str, **settings: str) -> NaradProcess:
        """Start one process of it."""
        directory = self.directory / f"{next(self._numbers)}-{arguments[0]}"
        process = NaradProcess(*arguments, settings=self.settings | settings, directory=directory)
        self.processes.append(process)
        return process

    def gate(self, name: str) -> Path:
        """The file that lets tasks of `tests.hold` with this name go on, once it exists."""
        return self.shared / name

    def close(self) -> None:
        """Drain what still runs; whatever is left then ends at once."""
        if self._api is not None:
            self._api.close()
            self._api = None
        try:
            for process in self.processes:
                process.terminate()
            for process in self.processes:
                process.wait()
        finally:
            for process in self.processes:
                process.close()

    def tails(self) -> str:
        """The ends of all logs, for messages."""
        return "\n".join(process.tail() for process in self.processes)

    def new_complaints(self) -> list[str]:
        """What its processes logged that should not be there, but for what this has returned before."""
        found = [f"{process}: {line}" for process in self.processes for line in process.complaints()]
        new = [complaint for complaint in found if complaint not in self._known_complaints]
        self._known_complaints.update(new)
        return new

    def _serve(self, process: NaradProcess) -> None:
        process.wait_until_ready()
        if self._api is not None:
            self._api.close()
        self._api = TasksApi(process.url)


class Embedded(Service):
    """`narad dev` on a SQLite file."""

    def __init__(self, directory: Path, **settings: str) -> None:
        super().__init__(directory, {"NARAD_DATABASE_URL": f"sqlite:///{directory}/narad.db", **settings})

    @override
    def start(self) -> None:
        self.dev()

    def dev(self) -> NaradProcess:
        """Start the one process, for the first time or again."""
        process = self.run("dev")
        self._serve(process)
        return process


class Distributed(Service):
    """`narad api` and any number of `narad worker`, over PostgreSQL and RabbitMQ."""

    def __init__(self, directory: Path, *, database: str, broker: str, workers: int = 2, **settings: str) -> None:
        """`database` has its schema already."""
        super().__init__(directory, {"NARAD_DATABASE_URL": database, "NARAD_BROKER_URL": broker, **settings})
        self.workers: list[NaradProcess] = []
        self._first_workers = workers

    @override
    def start(self) -> None:
        api = self.run("api")
        self.start_workers(self._first_workers)
        self._serve(api)

    def start_workers(self, number: int = 1) -> list[NaradProcess]:
        """Start that many more workers, all at once."""
        started = [self.run("worker") for _ in range(number)]
        for worker in started:
            worker.wait_until_ready()
        self.workers += started
        return started


StartEmbedded: TypeAlias = Callable[..., Embedded]
StartDistributed: TypeAlias = Callable[..., Distributed]
StartService: TypeAlias = Callable[..., Service]
"""What the fixtures of these names give; the arguments are settings."""
