"""Runs the image as compose.yaml says, against private PostgreSQL and RabbitMQ servers. `deploy/images.sh` calls it.

The containers share the network of this machine and use ports of their own. What differs from compose.yaml is only
that, the addresses that follow from it, and the restart policy.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from secrets import token_hex
from typing import Any

from tests.support.ports import free_port
from tests.support.servers import servers

_COMMAND_SECONDS = 120
_START_SECONDS = 60
_TASK_SECONDS = 60
_LONG_TASK_SECONDS = 4
_TASKS = 20
_WORKERS = 2
_NO_CAPABILITIES = "0000000000000000"
_ENDED = {"exited", "stopped"}


class FailedError(Exception):
    """A check that did not hold."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and what it printed on either stream."""

    code: int
    text: str


@dataclass
class Containers:
    """Containers of the image: each runs one service of compose.yaml, and all are gone at the end."""

    engine: str
    image: str
    services: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, str]
    names: list[str] = field(default_factory=list)

    def call(self, *arguments: str) -> Ended:
        """Run one command of the engine."""
        answer = subprocess.run(
            [self.engine, *arguments], capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS
        )
        return Ended(answer.returncode, (answer.stdout + answer.stderr).strip())

    def ask(self, *arguments: str) -> str:
        """Run one command of the engine that must succeed; what it printed."""
        answer = self.call(*arguments)
        _demand(answer.code == 0, f"{self.engine} {' '.join(arguments[:3])}: {answer.text}")
        return answer.text

    def start(self, service: str) -> str:
        """Start a service in the background; the name of its container."""
        name = f"narad-try-{service}-{token_hex(4)}"
        self.names.append(name)
        self.ask("run", "--detach", "--name", name, *self._options(service))
        return name

    def run(self, service: str) -> Ended:
        """Run a service to its end."""
        name = self.start(service)
        _wait(lambda: self.state(name) in _ENDED, _START_SECONDS, f"{service} to end")
        return Ended(self.exit_code(name), self.log(name))

    def stop(self, service: str, *names: str) -> float:
        """Send SIGTERM to all of them, and demand that each ends with code 0 in the time that compose.yaml grants."""
        granted = self.grace(service)
        began = time.monotonic()
        for name in names:
            self.ask("kill", "--signal", "TERM", name)
        _wait(lambda: all(self.state(name) in _ENDED for name in names), granted, f"{service} to end")
        seconds = time.monotonic() - began
        for name in names:
            code = self.exit_code(name)
            _demand(code == 0, f"{service} ended with exit code {code}: {self.log(name)}")
        return seconds

    def grace(self, service: str) -> float:
        """The seconds between SIGTERM and SIGKILL."""
        return float(str(self.services[service]["stop_grace_period"]).removesuffix("s"))

    def state(self, name: str) -> str:
        """`running`, `exited`, …"""
        return self.ask("inspect", "--format", "{{.State.Status}}", name)

    def exit_code(self, name: str) -> int:
        """The exit code of a container that has ended."""
        return int(self.ask("inspect", "--format", "{{.State.ExitCode}}", name))

    def healthy(self, name: str) -> bool:
        """Whether the health check of the image passes."""
        if self.engine == "podman":  # which leaves the schedule to systemd, and that need not be here
            return self.call("healthcheck", "run", name).code == 0
        return self.ask("inspect", "--format", "{{.State.Health.Status}}", name) == "healthy"

    def log(self, name: str) -> str:
        """The end of what a container printed."""
        return self.call("logs", "--tail", "20", name).text

    def remove(self) -> None:
        """Remove them all."""
        if self.names:
            self.call("rm", "--force", *self.names)

    def _options(self, service: str) -> list[str]:
        told = self.services[service]
        options = ["--network=host", f"--stop-timeout={self.grace(service):.0f}"]
        options += ["--init"] * bool(told.get("init"))
        options += ["--no-healthcheck"] * bool(told.get("healthcheck", {}).get("disable"))
        options += ["--read-only"] * bool(told.get("read_only"))
        # podman mounts temporary file systems into a read-only container that nobody asked for
        options += ["--read-only-tmpfs=false"] * (self.engine == "podman" and bool(told.get("read_only")))
        for key, option in (("cap_drop", "cap-drop"), ("security_opt", "security-opt"), ("tmpfs", "tmpfs")):
            options += [f"--{option}={_for_engine(value)}" for value in told.get(key, [])]
        environment = {**told.get("environment", {}), **self.environment}
        options += [f"--env={name}={value}" for name, value in environment.items()]
        return [*options, self.image, *told["command"]]


def _for_engine(option: str) -> str:
    """Older podman knows `no-new-privileges` without a value only; both engines do."""
    return option.removesuffix(":true")


@dataclass(frozen=True)
class Api:
    """The HTTP API on this machine."""

    port: int

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """One request; the decoded answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            answer = connection.getresponse()
            content = answer.read().decode()
        finally:
            connection.close()
        if not answer.status < 300:  # noqa: PLR2004 - the first that is no success
            message = f"{method} {path}: {answer.status} {content}"
            raise FailedError(message)
        return json.loads(content)

    def create(self, name: str, **fields: object) -> str:
        """Create a task; its id."""
        task = self.request("POST", "/api/v1/tasks", {"name": name, "priority": "HIGH", **fields})
        return str(task["id"])

    def status(self, task: str) -> str:
        """The status of a task."""
        return str(self.request("GET", f"/api/v1/tasks/{task}/status")["status"])

    def wait(self, task: str, status: str) -> None:
        """Wait until a task has a status."""
        _wait(lambda: self.status(task) == status, _TASK_SECONDS, f"task {task} to be {status}")


@contextmanager
def _private_servers() -> Iterator[tuple[str, str, Callable[[], set[str]]]]:
    """An empty database, a broker, and the names of the queues it has."""
    with ExitStack() as stack:
        kinds = servers()
        postgres, rabbit = kinds.postgres(None), kinds.rabbit()
        for server in (postgres, rabbit):
            stack.callback(server.close)
            server.start()
        postgres.create_database("narad")
        # With the virtual host written as compose.yaml writes it.
        broker = f"{rabbit.url('').rstrip('/')}/"
        yield postgres.url("narad"), broker, lambda: {queue["name"] for queue in rabbit.queues("/")}


def _wait(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            message = f"waited {seconds:g} s in vain for {what}"
            raise FailedError(message)
        time.sleep(0.1)


def _demand(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise FailedError(otherwise)


def _say(text: str) -> None:
    print(f"ok    {text}", flush=True)


def try_schema(containers: Containers) -> None:
    """Nothing starts before `migrate`, and it can be repeated."""
    refused = containers.run("api")
    _demand(refused.code == 1 and "narad migrate" in refused.text, f"the API on an empty database: {refused}")
    _say("before migrate, the API refuses to start and names the command")
    for _ in range(2):
        migrated = containers.run("migrate")
        _demand(migrated.code == 0, f"migrate: {migrated.text}")
    _say(f"migrate ends with exit code 0, and again when repeated: {migrated.text.splitlines()[-1]}")


def try_confinement(containers: Containers, names: list[str]) -> None:
    """Not root, no capability, no new privileges, nothing to write but /tmp."""
    for name in names:
        user = containers.ask("exec", name, "id", "-u")
        _demand(user != "0", f"{name} runs as root")
        status = dict(
            line.split(":\t", 1)
            for line in containers.ask("exec", name, "cat", "/proc/1/status").splitlines()
            if ":\t" in line
        )
        for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            _demand(status[key] == _NO_CAPABILITIES, f"{name}: {key} is {status[key]}")
        _demand(status["NoNewPrivs"] == "1", f"{name} may gain privileges")
        writable = containers.ask("exec", name, "sh", "-c", _WRITABLE).split()
        _demand(writable == ["/tmp"], f"{name} may write to {writable}")  # noqa: S108 - where compose.yaml allows it
    _say(f"id -u is {user}, no capabilities, no new privileges, a read-only root: only /tmp can be written to")


_WRITABLE = """for place in / /app /opt/narad /tmp /run /var/tmp /var/run /usr/local; do
  if touch "$place/.probe" 2>/dev/null; then rm "$place/.probe"; echo "$place"; fi
done"""


def try_health(containers: Containers, api: str) -> None:
    """The health check passes once the API listens."""
    began = time.monotonic()
    _wait(lambda: containers.healthy(api), _START_SECONDS, f"the health check: {containers.log(api)}")
    _say(f"the health check of the API passes {time.monotonic() - began:.1f} s after its start")


def try_tasks(api: Api, queues: Callable[[], set[str]]) -> None:
    """Tasks run, by way of the broker."""
    began = time.monotonic()
    tasks = [api.create("Try", handler="demo.echo", payload={"number": number}) for number in range(_TASKS)]
    tasks.append(api.create("Nothing but a name"))
    for task in tasks:
        api.wait(task, "COMPLETED")
    missing = {f"narad.v1.default.{name}" for name in ("high", "medium", "low")} - queues()
    _demand(not missing, f"the broker lacks {missing}")
    _say(f"{len(tasks)} tasks over HTTP and RabbitMQ are COMPLETED {time.monotonic() - began:.1f} s later")


def try_drain(containers: Containers, api: Api, workers: list[str]) -> None:
    """SIGTERM lets a running task end, and the worker after it, long before it would be killed."""
    payload = {"seconds": _LONG_TASK_SECONDS}
    tasks = [api.create("Long", handler="demo.simulate", payload=payload) for _ in range(_WORKERS)]
    for task in tasks:
        api.wait(task, "IN_PROGRESS")
    seconds = containers.stop("worker", *workers)
    for task in tasks:
        found = api.request("GET", f"/api/v1/tasks/{task}")
        _demand((found["status"], found["attempt"]) == ("COMPLETED", 1), f"after the drain: {found}")
    _say(
        f"SIGTERM: {len(workers)} workers finish what they run and end with exit code 0 in {seconds:.1f} s "
        f"(granted: {containers.grace('worker'):g} s)"
    )


def try_everything(containers: Containers, api: Api, queues: Callable[[], set[str]]) -> None:
    """The life of one installation, from an empty database to its end."""
    try_schema(containers)
    front = containers.start("api")
    workers = [containers.start("worker") for _ in range(_WORKERS)]
    try_health(containers, front)
    try_confinement(containers, [front, *workers])
    try_tasks(api, queues)
    try_drain(containers, api, workers)
    seconds = containers.stop("api", front)
    _say(f"SIGTERM: the API ends with exit code 0 in {seconds:.1f} s")


def main() -> int:
    """Try the image; exit code 1 and the first check that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True, choices=["podman", "docker"])
    parser.add_argument("--image", required=True)
    parser.add_argument("--services", required=True, type=Path, help="the services of compose.yaml, resolved, as JSON")
    given = parser.parse_args()
    port = free_port()
    with _private_servers() as (database, broker, queues):
        environment = {
            "NARAD_DATABASE_URL": database,
            "NARAD_BROKER_URL": broker,
            "NARAD_HOST": "127.0.0.1",  # instead of all addresses, which would be those of this machine
            "NARAD_PORT": str(port),
        }
        services = json.loads(given.services.read_text())
        containers = Containers(given.engine, given.image, services, environment)
        try:
            try_everything(containers, Api(port), queues)
        except (FailedError, OSError, HTTPException) as error:
            print(f"FAIL  {error}", file=sys.stderr)
            for name in containers.names:
                print(f"--- {name}\n{containers.log(name)}", file=sys.stderr)
            return 1
        finally:
            containers.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
