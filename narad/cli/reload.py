"""`--reload`: run a command in a process of its own, and start it anew whenever the code of its handlers changes."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.3
_HURRY_SECONDS = 3.0
"""After so long a drain is cut short: what runs is given back, and runs anew on the new code."""
_KILL_SECONDS = 10.0
_MOST_FILES = 10_000
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages"})

Times = Mapping[Path, float]


def run_reloading(modules: Sequence[str], arguments: Sequence[str]) -> int:
    """Run `narad` with these arguments until a signal ends it; returns the exit code."""
    roots = [root for module in modules if (root := _root_of(module)) is not None]
    return _Reloader(roots, [sys.executable, "-m", "narad", *arguments]).run()


class _Reloader:
    """Looks at files, and after the process."""

    def __init__(self, roots: Sequence[Path], command: Sequence[str]) -> None:
        self._roots = roots
        self._command = command
        self._asked = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        log.info("reload.watching", places=[str(root) for root in self._roots])
        times = times_of(self._roots)
        self._process = self._start()
        code: int | None = None
        while not self._asked.wait(_PAUSE_SECONDS):
            if code is None and (code := self._process.poll()) is not None:
                log.warning("reload.ended_by_itself", code=code, waits_for="a change of the code")
            now = times_of(self._roots)
            if now != times:
                log.info("reload.restarting", changed=_changed(times, now))
                times, code = now, None
                self._end()
                self._process = self._start()
        return self._end()

    def _start(self) -> "subprocess.Popen[bytes]":
        # A group of its own: a Ctrl-C at the terminal reaches it through us, and once.
        return subprocess.Popen(self._command, process_group=0)  # noqa: S603 - our own command line

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.set()

    def _end(self) -> int:
        """End the process in order; its exit code."""
        process = self._process
        if process is None:
            return 0
        for number, seconds in ((signal.SIGTERM, _HURRY_SECONDS), (signal.SIGTERM, _KILL_SECONDS)):
            if process.poll() is None:
                process.send_signal(number)
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        process.kill()
        return process.wait()


def times_of(roots: Sequence[Path]) -> Times:
    """When each source file there was last changed."""
    times: dict[Path, float] = {}
    for root in roots:
        for file in _sources(root):
            if len(times) >= _MOST_FILES:
                return times
            try:
                times[file] = file.stat().st_mtime
            except OSError:
                continue
    return times


def _sources(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith(".")]
        yield from (Path(folder) / name for name in files if name.endswith(".py"))


def _root_of(module: str) -> Path | None:
    """Where the code of a module is: the folder of its package, or else its file."""
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return None if spec.origin is None else Path(spec.origin).resolve()


def _changed(before: Times, after: Times) -> str:
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    return str(changed[0])


def without_reload(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command line, for the process that does the work."""
    return [argument for argument in arguments if argument != "--reload"]
