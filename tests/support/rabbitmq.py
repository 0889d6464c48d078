"""A private RabbitMQ node: own node name, cookie, data, ports on 127.0.0.1, and an epmd of its own."""

import shutil
import signal
import subprocess
from pathlib import Path
from secrets import token_hex

from typing_extensions import override

from tests.support.binaries import Binaries
from tests.support.leash import Leash
from tests.support.management import NOT_YET, Management
from tests.support.ports import free_port
from tests.support.readiness import wait_until_ended, wait_until_ready

_USER = "narad"
_START_SECONDS = 90.0
_STOP_SECONDS = 60.0
_COMMAND_SECONDS = 60.0

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management_port}
management.rates_mode = none
collect_statistics_interval = 250
default_user = {user}
default_pass = {password}
default_user_tags.administrator = true
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
log.console = true
log.console.level = info
log.file = false
"""

# How often a quorum queue reports its message counts; five seconds unless told otherwise.
_ADVANCED = "[{rabbit, [{quorum_tick_interval, 250}]}].\n"
_PLUGINS = "[rabbitmq_management].\n"


class RabbitServer(Management):
    """A RabbitMQ node that can be stopped, killed, wiped and started again on the same ports."""

    def __init__(self, binaries: Binaries, directory: Path) -> None:
        super().__init__(port=free_port(), management_port=free_port(), user=_USER, password=token_hex(8))
        self._binaries = binaries
        self._root = binaries.root
        self._directory = directory
        self._log = directory / "log"
        self._owner = self._root.user("rabbitmq")
        self._dist_port = free_port()
        self._epmd_port = free_port()
        self._leash: Leash | None = None

    @property
    def running(self) -> bool:
        """Whether a process of this broker is alive."""
        return self._leash is not None and self._leash.alive

    def start(self) -> None:
        """Start and wait until AMQP and the management API answer; nothing to do if it runs already."""
        if self.running:
            return
        self._configure()
        command = self._root.command(
            [self._binaries.program("rabbitmq-server")], user=self._owner, env=self._environment()
        )
        self._leash = Leash(command, log=self._log, cleanup=[["rm", "-rf", str(self._directory)]])
        wait_until_ready("RabbitMQ", self._leash, self._log, self.ping, not_yet=NOT_YET, seconds=_START_SECONDS)

    def stop(self) -> None:
        """Graceful stop: the node closes its connections and its queues."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the Erlang VM."""
        self._end(signal.SIGKILL)

    def wipe(self) -> None:
        """Kill it and lose all data, like a disk: the next start knows the user, the vhost `/`, and nothing else."""
        self.kill()
        shutil.rmtree(self._directory / "data", ignore_errors=True)

    def close(self) -> None:
        """End it in whatever state it is, and remove its directory."""
        if self._leash is not None:
            self._leash.close()
            self._leash = None
        shutil.rmtree(self._directory, ignore_errors=True)

    @override
    def _evaluate(self, expression: str) -> None:
        command = [self._binaries.program("rabbitmqctl"), "eval", expression]
        inside = self._root.command(command, user=self._owner, env=self._environment())
        subprocess.run(inside, check=True, capture_output=True, timeout=_COMMAND_SECONDS)

    def _configure(self) -> None:
        self._root.make_directory(self._directory, self._owner)
        configuration = _CONFIGURATION.format(
            port=self.port, management_port=self.management_port, user=_USER, password=self._password
        )
        files = {"rabbitmq.conf": configuration, "advanced.config": _ADVANCED, "plugins": _PLUGINS, "env.conf": ""}
        for name, text in files.items():
            (self._directory / name).write_text(text)
            (self._directory / name).chmod(0o644)  # the directory around it is closed

    def _environment(self) -> dict[str, str]:
        home = self._root.inside(self._directory)
        return {
            "HOME": home,  # where the cookie lies
            "HOSTNAME": "localhost",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),  # nobody listens: the node starts one, and the leash ends it
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced.config",
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{home}/env.conf",  # empty: the machine's own is not ours
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": f"{home}/logs",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_NODENAME": f"narad-{self.port}@localhost",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the Erlang VM instead of waiting for it
        }

    def _end(self, how: signal.Signals) -> None:
        if self._leash is not None:
            self._leash.signal(how)
            wait_until_ended("RabbitMQ", self._leash, self._log, seconds=_STOP_SECONDS)
            self._leash = None
