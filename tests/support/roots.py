"""The root file system in which a server's programs live: the machine's own, or another release unpacked beside it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# A mount namespace of its own instead of mount and unmount: it ends with its last process, so that no mount can be left
# behind, however the tests end.
_ENTER = """
mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$@"
"""


@dataclass(frozen=True)
class Root:
    """Runs commands inside a root file system, as a given user where we are root and as ourselves otherwise."""

    path: Path = Path("/")

    def command(
        self, argv: Sequence[str], *, user: str | None = None, env: Mapping[str, str] | None = None
    ) -> list[str]:
        """The command line that runs `argv` in here, with nothing but `env` and a PATH in its environment.

        Every step of it replaces the one before (exec), so that signals reach the program itself.
        """
        path = _PATH if self._is_foreign else os.environ.get("PATH", _PATH)
        clean = ["env", "-i", f"PATH={path}", "LANG=C.UTF-8", *(f"{key}={value}" for key, value in (env or {}).items())]
        if self._is_foreign:
            enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, str(self.path)]
            who = [f"--userspec={user}:{user}"] if user else []
            return [*enter, *who, str(self.path), *clean, *argv]
        if user and os.geteuid() == 0:
            return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *clean, *argv]
        return [*clean, *argv]

    def inside(self, path: Path) -> str:
        """What a path of the machine is called in here."""
        return f"/{path.relative_to(self.path)}"

    def user(self, *names: str) -> str | None:
        """The first of these users that exists in here; none where we are not root and cannot become another."""
        if os.geteuid() != 0:
            return None
        known = {line.partition(":")[0] for line in (self.path / "etc/passwd").read_text().splitlines()}
        return next((name for name in names if name in known), None)

    def make_directory(self, path: Path, owner: str | None) -> None:
        """Create a directory that only `owner` can enter."""
        whose = [f"--owner={owner}", f"--group={owner}"] if owner else []
        command = self.command(["install", "--directory", "--mode=700", *whose, self.inside(path)])
        subprocess.run(command, check=True, timeout=30)

    @property
    def _is_foreign(self) -> bool:
        return self.path != Path("/")
