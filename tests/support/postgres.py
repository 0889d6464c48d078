"""A private PostgreSQL: own data directory, own port on 127.0.0.1, no socket file."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex

from tests.support.binaries import Binaries
from tests.support.databases import NOT_YET, Databases
from tests.support.leash import Leash
from tests.support.ports import free_port
from tests.support.readiness import ServerError, wait_until_ended, wait_until_ready

_USER = "narad"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0

# Durability stays at its defaults: fsync, synchronous_commit and full_page_writes are on. Dynamic shared memory lives
# in the data directory, so that nothing is left in /dev/shm after a kill.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "200",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
}


class PostgresServer(Databases):
    """A PostgreSQL server that can be stopped, killed and started again on the same data and the same port."""

    def __init__(self, binaries: Binaries, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(port=free_port(), user=_USER, password=token_hex(8))
        self._binaries = binaries
        self._root = binaries.root
        self._directory = directory
        self._data = directory / "data"
        self._log = directory / "log"
        self._settings = {**_SETTINGS, **(settings or {}), "port": str(self.port)}
        self._owner = self._root.user("postgres", "nobody")  # PostgreSQL refuses to run as root
        self._leash: Leash | None = None

    @property
    def running(self) -> bool:
        """Whether a process of this server is alive."""
        return self._leash is not None and self._leash.alive

    def start(self) -> None:
        """Start and wait until queries are answered; nothing to do if it runs already."""
        if self.running:
            return
        if not self._data.exists():
            self._initialise()
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        self._leash = self._run("postgres", "-D", self._root.inside(self._data), *options)
        wait_until_ready("PostgreSQL", self._leash, self._log, self._ping, not_yet=NOT_YET, seconds=_START_SECONDS)

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, a checkpoint is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the postmaster and to all its children: the next start has to recover from the log."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it in whatever state it is, and remove its directory."""
        if self._leash is not None:
            self._leash.close()
            self._leash = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def _initialise(self) -> None:
        self._root.make_directory(self._directory, self._owner)
        secret = self._directory / "password"
        secret.write_text(self._password)
        secret.chmod(0o644)  # the directory around it is closed
        initdb = self._run(
            "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--username={_USER}",
            f"--pwfile={self._root.inside(secret)}", "-D", self._root.inside(self._data),
        )  # fmt: skip
        if initdb.wait(_START_SECONDS) != 0:
            message = "initdb failed"
            raise ServerError(message, self._log)

    def _run(self, program: str, *arguments: str) -> Leash:
        command = self._root.command([self._binaries.program(program), *arguments], user=self._owner)
        return Leash(command, log=self._log, cleanup=[["rm", "-rf", str(self._directory)]])

    def _end(self, how: signal.Signals) -> None:
        if self._leash is not None:
            self._leash.signal(how)
            wait_until_ended("PostgreSQL", self._leash, self._log, seconds=_STOP_SECONDS)
            self._leash = None

    def _ping(self) -> None:
        self.execute("SELECT 1")
