"""The stage of a fault: one Narad over PostgreSQL and RabbitMQ behind proxies, and what was done to it."""

import os
import signal
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias

from typing_extensions import override

from tests.support.invariants import Evidence, Faults, Row, check
from tests.support.load import Load, Submission
from tests.support.ports import free_port
from tests.support.processes import NaradProcess
from tests.support.proxy import Proxy
from tests.support.servers import Postgres, Rabbit
from tests.support.service import Distributed
from tests.support.tasks_api import wait_until

LEASE_SECONDS = 3.0
HEARTBEAT_SECONDS = 0.5
DATABASE_TIMEOUT_SECONDS = 2.0
CANCEL_GRACE_SECONDS = 2.0

_SETTINGS = {
    "NARAD_HANDLERS": "tests.support.fault_handlers",
    "NARAD_LEASE_SECONDS": str(LEASE_SECONDS),
    "NARAD_HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
    "NARAD_RESCUE_SECONDS": "0.3",
    "NARAD_DATABASE_TIMEOUT_SECONDS": str(DATABASE_TIMEOUT_SECONDS),
    "NARAD_PUBLISH_TIMEOUT_SECONDS": "2",
    "NARAD_WATCHDOG_SECONDS": "3",
    "NARAD_LANE_SECONDS": "1",
    "NARAD_DRAIN_SECONDS": "5",
    "NARAD_CANCEL_GRACE_SECONDS": str(CANCEL_GRACE_SECONDS),
}


# Said by processes to which the very thing was done that they complain of.
_EXPECTED = frozenset({"worker.lost", "worker.lease_over"})


class Scene(Distributed):
    """A distributed Narad at a fixed address, so that its API can be replaced under load."""

    def __init__(
        self,
        directory: Path,
        *,
        postgres: Postgres,
        rabbit: Rabbit,
        database_name: str,
        vhost: str,
        database_proxy: Proxy,
        broker_proxy: Proxy,
        workers: int = 2,
        **settings: str,
    ) -> None:
        super().__init__(
            directory,
            database=database_proxy.url(postgres.url(database_name)),
            broker=broker_proxy.url(rabbit.url(vhost)),
            workers=workers,
            **{**_SETTINGS, "NARAD_PORT": str(free_port()), **settings},
        )
        self.postgres = postgres
        self.rabbit = rabbit
        self.vhost = vhost
        self.database_proxy = database_proxy
        self.broker_proxy = broker_proxy
        self.database = postgres.url(database_name)
        """Its address beside the proxy."""
        self.evidence = Evidence(self.database, self.shared)
        self.faults = Faults()
        self.accepted: list[str] = []
        """Tasks to be checked in the end."""
        self._networks = [database_proxy, broker_proxy]
        self._pids: dict[NaradProcess, int] = {}

    @property
    def api_process(self) -> NaradProcess:
        """The process of the API that was started last."""
        return next(process for process in reversed(self.processes) if process.arguments[0] == "api")

    @override
    def start_workers(self, number: int = 1) -> list[NaradProcess]:
        started = super().start_workers(number)
        self._pids |= {worker: self.evidence.pid(worker.worker_id) for worker in started}
        return started

    def stop_workers(self) -> None:
        """Drain every worker."""
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()

    def open_network(self) -> Proxy:
        """Another way to the database, for `start_worker_on`."""
        network = Proxy(self.postgres.port)
        self._networks.append(network)
        return network

    def start_worker_on(self, network: Proxy) -> NaradProcess:
        """Start a worker that reaches the database by this way."""
        worker = self.run("worker", NARAD_DATABASE_URL=network.url(self.database))
        worker.wait_until_ready()
        self.workers.append(worker)
        self._pids[worker] = self.evidence.pid(worker.worker_id)
        return worker

    def start_worker_on_its_own_network(self) -> tuple[NaradProcess, Proxy]:
        """Start a worker that alone reaches the database through a proxy of its own."""
        network = self.open_network()
        return self.start_worker_on(network), network

    def start_api(self) -> NaradProcess:
        """Start the API again, at the same address."""
        process = self.run("api")
        self._serve(process)
        return process

    def pid(self, worker: NaradProcess) -> int:
        """The process id of a worker."""
        return self._pids[worker]

    def load(self, per_second: float = 60.0, submission: Callable[[int], Submission] | None = None) -> Load:
        """Tasks at a steady pace, short ones unless something else is said."""
        return Load(self.api.url, per_second=per_second, submission=submission)

    def lanes(self) -> list[str]:
        """The names of the broker's queues that carry tasks."""
        names = [str(queue["name"]) for queue in self.rabbit.queues(self.vhost)]
        return [name for name in names if name.endswith((".high", ".medium", ".low"))]

    def create(self, handler: str, *, limit: float | None = None, **payload: object) -> str:
        """Create a task that is checked in the end, with a time limit in seconds; returns its id."""
        task_id = str(self.api.create(handler, payload, timeout_seconds=limit)["id"])
        self.accepted.append(task_id)
        return task_id

    def create_running(self, handler: str, *, limit: float | None = None, **payload: object) -> str:
        """The same, once it runs, by what the handler itself wrote."""
        task_id = self.create(handler, limit=limit, **payload)
        self.wait_for_run(task_id, 1)
        return task_id

    def wait_for_run(self, task_id: str, attempt: int, *, seconds: float = 30.0) -> None:
        """Wait until the handler runs this attempt."""

        def started() -> bool:
            return any((run.task_id, run.attempt) == (task_id, attempt) for run in self.evidence.runs())

        wait_until(started, f"attempt {attempt} of {task_id} starts", seconds=seconds)

    def kill(self, worker: NaradProcess) -> None:
        """kill -9 a worker."""
        worker.kill()
        self.faults.killed_at[self.pid(worker)] = time.monotonic()

    def freeze(self, worker: NaradProcess) -> None:
        """SIGSTOP: it stands still, and knows nothing of it afterwards."""
        self.faults.cut_off.add(self.pid(worker))
        os.kill(self.pid(worker), signal.SIGSTOP)

    def thaw(self, worker: NaradProcess) -> None:
        """SIGCONT."""
        os.kill(self.pid(worker), signal.SIGCONT)

    def heal(self) -> None:
        """Undo what was done to servers, networks and workers that stand still."""
        self.postgres.start()
        self.rabbit.start()
        for network in self._networks:
            network.heal()
        for worker in self.workers:
            if worker.alive:
                self.thaw(worker)

    @override
    def new_complaints(self) -> list[str]:
        return [line for line in super().new_complaints() if not any(word in line for word in _EXPECTED)]

    @override
    def close(self) -> None:
        """Heal everything first, so that the drain shows nothing but the drain."""
        self.heal()
        try:
            super().close()
        finally:
            for network in self._networks:
                network.close()

    def check(self, accepted: Collection[str] = (), *, seconds: float = 40.0) -> dict[str, Row]:
        """See that every invariant holds over these tasks and those of `create`; returns all tasks."""
        return check(self.evidence, [*self.accepted, *accepted], self.faults, seconds=seconds)


StartScene: TypeAlias = Callable[..., Scene]
"""What the fixture `start_scene` gives; the arguments are the number of workers, and settings."""
