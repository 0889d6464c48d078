"""Where PostgreSQL, RabbitMQ and Chromium are. Standard library only: it runs before any environment is built."""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.roots import Root

_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class MissingServerError(RuntimeError):
    """A server the tests need is not installed; the message names what to install."""


@dataclass(frozen=True)
class Binaries:
    """The programs of one server: `directory` is a path inside `root`."""

    directory: Path
    root: Root = field(default_factory=Root)

    def program(self, name: str) -> str:
        """The path of a program, as it is called inside the root."""
        return str(self.directory / name)


def find_postgres(root: Root | None = None) -> Binaries:
    """PostgreSQL's `initdb` and `postgres`: Debian's newest, else what pg_config or PATH name."""
    root = root or Root()
    debian = sorted(root.path.glob("usr/lib/postgresql/*/bin"), key=_version)
    candidates = [Path(root.inside(path)) for path in reversed(debian)]
    if root == Root():
        candidates += [*_pg_config(), *_on_path("postgres")]
    return _first_with(root, candidates, ("initdb", "postgres"), "PostgreSQL", "postgresql")


def find_rabbitmq(root: Root | None = None) -> Binaries:
    """RabbitMQ's own scripts; Debian's wrappers on PATH would go back to the package's home and cookie."""
    root = root or Root()
    candidates = [Path("/usr/lib/rabbitmq/bin")]
    if root == Root():
        candidates += _on_path("rabbitmq-server")
    return _first_with(root, candidates, ("rabbitmq-server",), "RabbitMQ", "rabbitmq-server")


def find_chromium() -> str:
    """Chromium, or a browser that is made of it."""
    for name in _BROWSERS:
        found = shutil.which(name)
        if found is not None:
            return found
    message = "Chromium is not installed: none of its programs is on PATH; install it (Debian: chromium)"
    raise MissingServerError(message)


def _first_with(root: Root, candidates: list[Path], programs: tuple[str, ...], name: str, package: str) -> Binaries:
    for directory in candidates:
        outside = root.path / directory.relative_to("/")
        # is_symlink, because an absolute link of another root does not resolve from outside
        if all((outside / program).exists() or (outside / program).is_symlink() for program in programs):
            return Binaries(directory, root)
    message = f"{name} is not installed: no {' and '.join(programs)} found; install it (Debian: {package})"
    raise MissingServerError(message)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.parent.name))


def _pg_config() -> list[Path]:
    program = shutil.which("pg_config")
    if program is None:
        return []
    answer = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False, timeout=30)
    return [Path(answer.stdout.strip())] if answer.returncode == 0 and answer.stdout.startswith("/") else []


def _on_path(program: str) -> list[Path]:
    found = shutil.which(program)
    return [Path(found).absolute().parent] if found else []
