"""PostgreSQL 17 and RabbitMQ 4 beside the machine's own: another Debian release, unpacked once under `.cache`.

`make test-versions` runs the suite on them. Standard library only: it runs before any environment is built.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.packages import PackagesError, install
from tests.support.roots import Root

NAME = "17/4"

_RELEASE = "trixie"
_PACKAGES = "rabbitmq-server,postgresql-17,ca-certificates"
_DIRECTORY = Path(__file__).resolve().parents[2] / ".cache" / _RELEASE
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def root() -> Root:
    """The unpacked release; it must have been built."""
    if not _DIRECTORY.is_dir():
        message = f"PostgreSQL and RabbitMQ of {NAME} are not built: run `make test-versions`"
        raise FileNotFoundError(message)
    return Root(_DIRECTORY)


def build() -> None:
    """Unpack the release with both servers, unless that has been done."""
    if _DIRECTORY.is_dir():
        return
    if os.geteuid() != 0:
        message = "unpacking another Debian release needs root"
        raise PackagesError(message)
    if shutil.which("debootstrap") is None:
        install("debootstrap")
    unfinished = _DIRECTORY.with_name(f"{_RELEASE}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    debootstrap = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", *_keyring(), _RELEASE]
    # In a mount namespace of its own: what debootstrap mounts is gone with it, even if it is killed.
    alone = ["unshare", "--mount", "--propagation", "private"]
    result = subprocess.run([*alone, *debootstrap, str(unfinished), mirror()], check=False)
    if result.returncode != 0:
        message = f"debootstrap {_RELEASE} failed; see {unfinished}/debootstrap/debootstrap.log"
        raise PackagesError(message)
    unfinished.rename(_DIRECTORY)


def mirror(apt: Path = Path("/etc/apt")) -> str:
    """The Debian mirror this machine installs from, out of its own apt configuration."""
    files = [*sorted(apt.glob("sources.list.d/*.sources")), apt / "sources.list", *apt.glob("sources.list.d/*.list")]
    for file in files:
        if file.is_file():
            text = file.read_text()
            found = _deb822(text) if file.suffix == ".sources" else _one_line(text)
            for address in found:
                if address.rstrip("/").endswith("/debian"):
                    return address
    message = "no Debian mirror found in the apt configuration of this machine"
    raise PackagesError(message)


def _deb822(text: str) -> Iterator[str]:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "uris":
            yield from value.split()


def _one_line(text: str) -> Iterator[str]:
    """Addresses of lines such as `deb [signed-by=…] http://host/debian bookworm main`."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["deb"]:
            yield from (word for word in words if "://" in word)


def _keyring() -> list[str]:
    return [f"--keyring={_KEYRING}"] if _KEYRING.is_file() else []


def main() -> int:
    """Build the release for `make test-versions`."""
    try:
        build()
    except PackagesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
