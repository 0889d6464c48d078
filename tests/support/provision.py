"""Makes sure that what the tests need is here: PostgreSQL, RabbitMQ, Chromium, curl.

`python -m tests.support.provision` runs before the tests.
In this order: what the machine has; Docker where an engine answers; Debian packages where we are root. Otherwise it
says in one line what is missing. Standard library only: it runs before any environment is built. It never touches a
server that already runs: the tests start private ones, on ports of their own.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.binaries import Binaries, MissingServerError, find_chromium, find_postgres, find_rabbitmq
from tests.support.engine import EngineError, docker, engine_answers
from tests.support.images import POSTGRES_IMAGE, RABBITMQ_IMAGE
from tests.support.packages import PackagesError, can_install, install, install_servers

_PULL_SECONDS = 900


@dataclass(frozen=True)
class Need:
    """One thing the tests need, and the ways to get it."""

    name: str
    find: Callable[[], Binaries]
    image: str
    package: str

    @property
    def missing(self) -> bool:
        """Whether the machine itself lacks it."""
        try:
            self.find()
        except MissingServerError:
            return True
        return False


NEEDS = (
    Need("PostgreSQL", find_postgres, POSTGRES_IMAGE, "postgresql"),
    Need("RabbitMQ", find_rabbitmq, RABBITMQ_IMAGE, "rabbitmq-server"),
)


def provision() -> None:
    """Get whatever is missing; raise if that cannot be done."""
    _tools()
    missing = [need for need in NEEDS if need.missing]
    if missing and not _from_docker(missing):
        _from_packages(missing)


def _tools() -> None:
    """What is no server and comes from packages alone: curl for the commands of the README, Chromium for the pages."""
    missing = []
    if shutil.which("curl") is None:
        missing.append("curl")
    try:
        find_chromium()
    except MissingServerError:
        missing.append("chromium")
    if not missing:
        return
    if not can_install():
        names = " and ".join(missing)
        message = f"{names} not found: install them (Debian: apt-get install {' '.join(missing)})"
        raise PackagesError(message)
    _say(f"installing {' '.join(missing)}")
    install(*missing)


def _from_docker(missing: list[Need]) -> bool:
    """Whether an engine answers and has, or can get, the images."""
    if not engine_answers():
        return False
    try:
        for need in missing:
            if not docker("images", "--quiet", need.image):
                _say(f"pulling {need.image}")
                docker("pull", "--quiet", need.image, seconds=_PULL_SECONDS)
    except EngineError as error:
        _say(str(error))
        return False
    return True


def _from_packages(missing: list[Need]) -> None:
    packages = [need.package for need in missing]
    if not can_install():
        names = " and ".join(need.name for need in missing)
        message = f"{names} not found: install them (Debian: apt-get install {' '.join(packages)}), or start Docker"
        raise PackagesError(message)
    _say(f"installing {' '.join(packages)}")
    install_servers(*packages)
    for need in missing:
        need.find()


def _say(text: str) -> None:
    sys.stdout.write(f"provision: {text}\n")
    sys.stdout.flush()


def main() -> int:
    """Provide the servers; exit code 1 and one line if that is impossible."""
    try:
        provision()
    except (PackagesError, MissingServerError) as error:
        sys.stderr.write(f"provision: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
