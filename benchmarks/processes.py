"""Programs beside Narad's own: started on a leash, and what any process on this machine has used."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.leash import Leash
from tests.support.readiness import ServerError

REPOSITORY = Path(__file__).parents[1]

_ENTER = 'cd "$1" && shift && exec "$@" >stdout 2>stderr'
_PAUSE_SECONDS = 0.02
_STOP_SECONDS = 60.0
_KIBIBYTE = 1024


class Program:
    """A running command; what it says is in the files `stdout` and `stderr` of its directory."""

    def __init__(self, *command: str, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it in `directory`, which is made here, with `environment` on top of ours."""
        directory.mkdir(parents=True)
        self.directory = directory
        ours = {"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONPATH": str(REPOSITORY), "LANG": "C.UTF-8"}
        given = [f"{name}={value}" for name, value in (ours | dict(environment or {})).items()]
        self._name = " ".join(command[:4])
        enter = ["sh", "-c", _ENTER, "sh", str(directory)]
        self._leash = Leash(["env", "-i", *given, *enter, *command], log=directory / "leash")

    @classmethod
    def module(cls, name: str, *arguments: str, directory: Path) -> "Program":
        """Start a module of ours with the interpreter of this process."""
        return cls(sys.executable, "-m", name, *arguments, directory=directory)

    @property
    def stdout(self) -> str:
        """What it wrote to standard output so far."""
        path = self.directory / "stdout"
        return path.read_text() if path.exists() else ""

    def wait_for(self, pattern: str, seconds: float) -> str:
        """Wait until its standard output has a line that matches; returns the first group."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self.stdout, re.MULTILINE)) is None:
            if not self._leash.alive or time.monotonic() > deadline:
                raise self._failed(f"did not say {pattern!r}")
            time.sleep(_PAUSE_SECONDS)
        return found[1]

    def result(self, seconds: float) -> Any:  # noqa: ANN401 - JSON
        """Wait until it has ended well; returns the JSON value that it printed."""
        self.wait(seconds)
        return json.loads(self.stdout)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended well."""
        if self._leash.wait(seconds) != 0:
            raise self._failed("failed")

    def check(self) -> None:
        """See that it still runs."""
        if not self._leash.alive:
            raise self._failed("has ended")

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._leash.signal(signal.SIGTERM)
        self._leash.wait(_STOP_SECONDS)

    def close(self) -> None:
        """End it at once if it still runs."""
        if self._leash.alive:
            self._leash.close()

    def _failed(self, what: str) -> ServerError:
        return ServerError(f"{self._name} {what}", self.directory / "stderr")


def pid_in(directory: Path) -> int:
    """The process that works in a directory where no other does."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == directory:
                return int(link.parent.name)
        except OSError:
            continue  # it has just ended, or is not ours
    raise LookupError(f"no process works in {directory}")


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> dict[str, int]:
    """The resident memory of a process, now and at its highest."""
    status = Path(f"/proc/{pid}/status").read_text()
    return {name: _kibibytes(status, field) * _KIBIBYTE for name, field in (("now", "VmRSS"), ("peak", "VmHWM"))}


def _kibibytes(status: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise LookupError(f"/proc tells no {field}")
    return int(found[1])
