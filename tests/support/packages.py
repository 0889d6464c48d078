"""Installing Debian packages without starting any server they bring, now or at the next boot."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBIDDEN = "#!/bin/sh\nexit 101\n"
_CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
_SERVICES = ("rabbitmq-server.service", "epmd.service", "epmd.socket", "postgresql.service")


class PackagesError(RuntimeError):
    """Something could not be installed; the message says what and why."""


def can_install() -> bool:
    """Whether Debian packages can be installed here, and by us."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """Install packages from the machine's own apt sources."""
    if not can_install():
        message = f"missing Debian packages: {' '.join(packages)} (installing them needs root and apt-get)"
        raise PackagesError(message)
    _apt("update")
    with _replaced(_POLICY, _FORBIDDEN):
        _apt("install", "-y", "--no-install-recommends", *packages)


def install_servers(*packages: str) -> None:
    """Install server packages; their services stay down, and PostgreSQL makes no cluster on its standard port."""
    install("postgresql-common")
    before = [service for service in _SERVICES if _is_enabled(service)]
    clusters = _CLUSTERS.read_text() if _CLUSTERS.is_file() else ""
    with _replaced(_CLUSTERS, f"{clusters}\ncreate_main_cluster = false\n"):
        install(*packages)
    _disable(service for service in _SERVICES if service not in before)


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(["apt-get", "-q", *arguments], env=environment, check=False)
    if result.returncode != 0:
        message = f"apt-get {' '.join(arguments)} failed with exit code {result.returncode}"
        raise PackagesError(message)


@contextmanager
def _replaced(file: Path, text: str) -> Iterator[None]:
    """A file that says something else for a while; afterwards it is as it was, or gone if it was not there."""
    before = (file.read_bytes(), file.stat().st_mode) if file.is_file() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before[0])
            file.chmod(before[1])


def _is_enabled(service: str) -> bool:
    if shutil.which("systemctl") is None:
        return False
    return subprocess.run(["systemctl", "is-enabled", "--quiet", service], check=False).returncode == 0


def _disable(services: Iterable[str]) -> None:
    if shutil.which("systemctl") is None:
        return
    for service in services:
        subprocess.run(["systemctl", "disable", "--quiet", service], check=False, stderr=subprocess.DEVNULL)
