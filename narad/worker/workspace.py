"""The temporary directory of an attempt.

Whoever makes one holds a lock on it for as long as it is in use. The system lets go of the locks of a process that was
killed: a directory on which nobody holds one is nobody's any more, and the next worker that starts here removes it.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

_MINE_ALONE = 0o700
_NAME = re.compile(r"narad-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+")
_UNLOCKABLE = frozenset({errno.EBADF, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS})
"""Said by file systems that know no locks of directories, such as NFS; what is on them is not removed by others."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A directory, and the open file that holds the lock on it."""

    place: Path
    lock: int

    def remove(self) -> None:
        """Remove the directory with all that is in it, as far as that can be removed."""
        remove(self.place)
        os.close(self.lock)


def place_of(task_id: UUID, attempt: int) -> Path:
    """Where it is: the worker of an isolated handler knows it too, should the process be killed."""
    return Path(tempfile.gettempdir()) / f"narad-{task_id}-{attempt}"


def make(task_id: UUID, attempt: int) -> Workspace:
    """Make it.

    Raises:
        FileExistsError: somebody else has made it; it is not to be trusted.
    """
    place = place_of(task_id, attempt)
    while True:
        place.mkdir(mode=_MINE_ALONE)
        # A worker that starts in this very moment may take it for a left one: then it is gone, and made anew.
        with contextlib.suppress(FileNotFoundError):
            lock = _open(place)
            try:
                _hold(lock)
                if _is_still(place, lock):
                    return Workspace(place, lock)
            except OSError:
                remove(place)
                os.close(lock)
                raise
            os.close(lock)


def remove(place: Path) -> None:
    """Remove a directory with all that is in it, as far as that can be removed."""
    shutil.rmtree(place, ignore_errors=True)


def remove_left() -> int:
    """Remove what processes have left that were killed; returns how many directories that was."""
    try:
        places = [place for place in Path(tempfile.gettempdir()).iterdir() if _NAME.fullmatch(place.name)]
    except OSError:  # not everybody may list it
        return 0
    return sum(map(_removed_if_left, places))


def _removed_if_left(place: Path) -> bool:
    try:
        lock = _open(place)
    except OSError:  # it is gone by now, belongs to somebody else, or is no directory
        return False
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            return False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_still(place, lock):
            return False
        remove(place)
    except OSError:  # in use, or gone by now
        return False
    finally:
        os.close(lock)
    return not place.exists()


def _is_still(place: Path, lock: int) -> bool:
    """Whether the directory that is open is the one in that place: another may have been made there meanwhile."""
    try:
        return os.path.samestat(os.fstat(lock), os.lstat(place))
    except FileNotFoundError:
        return False


def _open(place: Path) -> int:
    return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _hold(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _UNLOCKABLE:
            raise
