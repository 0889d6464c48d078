"""The same private servers as containers, for machines that have a Docker engine but not the programs.

Each container is created once, with fixed ports on 127.0.0.1, and then started, stopped and killed: its data outlives
a kill and goes with the container. `docker start --attach` on a leash is what runs: it brings the server's log, it ends
when the container does, and the container is removed when the tests die.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex

from typing_extensions import override

from tests.support.databases import NOT_YET as POSTGRES_NOT_YET
from tests.support.databases import Databases
from tests.support.engine import docker
from tests.support.images import POSTGRES_IMAGE, RABBITMQ_IMAGE
from tests.support.leash import Leash
from tests.support.management import NOT_YET as RABBIT_NOT_YET
from tests.support.management import Management
from tests.support.ports import free_port
from tests.support.readiness import wait_until_ended, wait_until_ready

_USER = "narad"
_SECONDS = 120.0


class Container:
    """One container that keeps its name, its ports and its data until it is removed."""

    def __init__(self, image: str, log: Path, options: Sequence[str], command: Sequence[str] = ()) -> None:
        self._name = f"narad-test-{token_hex(6)}"
        self._create = ["create", "--name", self._name, *options, image, *command]
        self._exists = False
        self._leash: Leash | None = None
        self.log = log

    @property
    def running(self) -> bool:
        """Whether the server in the container is alive."""
        return self._leash is not None and self._leash.alive

    def start(self) -> Leash:
        """Start the container, creating it first if need be."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not self._exists:
            docker(*self._create)
            self._exists = True
        cleanup = [["docker", "rm", "--force", "--volumes", self._name], ["rm", "-rf", str(self.log.parent)]]
        self._leash = Leash(["docker", "start", "--attach", self._name], log=self.log, cleanup=cleanup)
        return self._leash

    def end(self, *how: str) -> None:
        """Stop or kill the container, and wait until it has ended."""
        if self._leash is None:
            return
        if self._leash.alive:
            docker(*how, self._name)
        wait_until_ended(self._name, self._leash, self.log, seconds=_SECONDS)
        self._leash = None

    def execute(self, *command: str) -> None:
        """Run a command in it."""
        docker("exec", self._name, *command)

    def remove(self) -> None:
        """Remove the container with all its data; the next start creates an empty one."""
        if self._exists:
            docker("rm", "--force", "--volumes", self._name)
            self._exists = False
        if self._leash is not None:
            wait_until_ended(self._name, self._leash, self.log, seconds=_SECONDS)
            self._leash = None


class DockerPostgres(Databases):
    """PostgreSQL in a container; the interface of `PostgresServer`."""

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(port=free_port(), user=_USER, password=token_hex(8))
        environment = {"POSTGRES_USER": _USER, "POSTGRES_PASSWORD": self._password}
        settings = {"max_connections": "200", "timezone": "UTC", **(settings or {})}
        options = [f"--publish=127.0.0.1:{self.port}:5432", "--shm-size=256m", *_environment(environment)]
        command = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._container = Container(POSTGRES_IMAGE, directory / "log", options, command)

    @property
    def running(self) -> bool:
        """Whether the server is alive."""
        return self._container.running

    def start(self) -> None:
        """Start and wait until queries are answered; nothing to do if it runs already."""
        if self.running:
            return
        leash, log = self._container.start(), self._container.log
        wait_until_ready("PostgreSQL", leash, log, self._ping, not_yet=POSTGRES_NOT_YET, seconds=_SECONDS)

    def stop(self) -> None:
        """Fast shutdown: it is what the image's stop signal means."""
        self._container.end("stop", "--time", "60")

    def kill(self) -> None:
        """SIGKILL to the postmaster, which is the container's first process, so to all its children."""
        self._container.end("kill")

    def close(self) -> None:
        """Remove the container with its data."""
        self._container.remove()
        _remove_log(self._container.log)

    def _ping(self) -> None:
        self.execute("SELECT 1")


class DockerRabbit(Management):
    """RabbitMQ in a container; the interface of `RabbitServer`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(port=free_port(), management_port=free_port(), user=_USER, password=token_hex(8))
        environment = {"RABBITMQ_DEFAULT_USER": _USER, "RABBITMQ_DEFAULT_PASS": self._password}
        ports = [f"--publish=127.0.0.1:{self.port}:5672", f"--publish=127.0.0.1:{self.management_port}:15672"]
        # The node's name, hence its data directory, contains the host name.
        options = ["--hostname=rabbit", *ports, *_environment(environment)]
        self._container = Container(RABBITMQ_IMAGE, directory / "log", options)

    @property
    def running(self) -> bool:
        """Whether the broker is alive."""
        return self._container.running

    def start(self) -> None:
        """Start and wait until AMQP and the management API answer; nothing to do if it runs already."""
        if self.running:
            return
        leash, log = self._container.start(), self._container.log
        wait_until_ready("RabbitMQ", leash, log, self.ping, not_yet=RABBIT_NOT_YET, seconds=_SECONDS)

    def stop(self) -> None:
        """Graceful stop."""
        self._container.end("stop", "--time", "60")

    def kill(self) -> None:
        """SIGKILL to the Erlang VM, with everything else in the container."""
        self._container.end("kill")

    @override
    def _evaluate(self, expression: str) -> None:
        self._container.execute("rabbitmqctl", "eval", expression)

    def wipe(self) -> None:
        """Kill it and lose all data: the next start knows the user, the vhost `/`, and nothing else."""
        self._container.remove()

    def close(self) -> None:
        """Remove the container with its data."""
        self._container.remove()
        _remove_log(self._container.log)


def _environment(values: Mapping[str, str]) -> list[str]:
    return [f"--env={key}={value}" for key, value in values.items()]


def _remove_log(log: Path) -> None:
    log.unlink(missing_ok=True)
    if log.parent.is_dir():
        log.parent.rmdir()
