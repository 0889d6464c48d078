"""Commands as their users give them: to their end with what they printed, or in a terminal, keys pressed."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyte

from tests.support.processes import REPOSITORY

_SECONDS = 60.0
_ROWS = 40
_COLUMNS = 200
_ENTER = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a run in the background ignores it, and all that it starts
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one that Ctrl-C comes from, before it becomes the command."""
_OF_THIS_TERMINAL = ("NARAD_", "PYTHONPATH", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
"""What the command shall not have from whoever runs the tests."""
_STRAY = re.compile(r"\x1b|(?<!�)\[\??\d+(;\d+)*[GHJKhlmnr]")
"""What is left of an order that the terminal did not get as one; after a � somebody else's was made harmless."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """What it printed, of a command that must have gone well."""
        assert self.code == 0, self
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        """The lines of what it printed, of a command that must have gone well."""
        assert self.code == 0, self
        return self.stdout.splitlines()


@dataclass(frozen=True, slots=True)
class Seen:
    """A command that has ended in a terminal, and what then stood on the screen."""

    code: int
    lines: list[str]
    raw: bytes

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines)

    @property
    def is_decorated(self) -> bool:
        """Whether there is colour, weight or movement, or nothing but text."""
        return b"\x1b" in self.raw

    @property
    def fields(self) -> dict[str, str]:
        """What stands behind each name, where one thing is shown a field a line."""
        return {words[0]: words[1] for words in (line.split(None, 1) for line in self.lines) if len(words) > 1}


class CommandLine:
    """`narad` for one service, with a home of its own."""

    def __init__(self, directory: Path, **variables: str) -> None:
        """`variables` are the whole of its `NARAD_…` environment."""
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THIS_TERMINAL)}
        home = {"HOME": str(directory), "XDG_CONFIG_HOME": str(directory / "config"), "PYTHONPATH": str(REPOSITORY)}
        self.variables = kept | home | {"NO_PROXY": "*"} | variables

    def __call__(self, *arguments: str, typed: str = "", variables: Mapping[str, str] | None = None) -> Done:
        """Run a command to its end; `typed` is what is piped into it."""
        done = subprocess.run(
            [sys.executable, "-m", "narad", *arguments],
            env=self.variables | dict(variables or {}),
            cwd=self.directory,
            input=typed,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def piped(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A command that goes on, with its outputs in pipes; it ends with the block."""
        with subprocess.Popen(
            [sys.executable, "-m", "narad", *arguments],
            env=self.variables,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def seen(self, *arguments: str, columns: int = _COLUMNS, rows: int = _ROWS) -> Seen:
        """Run a command to its end in a terminal."""
        with self.terminal(*arguments, columns=columns, rows=rows) as terminal:
            return Seen(terminal.end(), terminal.lines, terminal.raw)

    def beside(self, *arguments: str, columns: int = _COLUMNS, rows: int = _ROWS) -> tuple[Seen, Done]:
        """Run a command that changes nothing in a terminal, and at the same time without one."""
        with self.terminal(*arguments, columns=columns, rows=rows) as terminal:
            done = self(*arguments)
            return Seen(terminal.end(), terminal.lines, terminal.raw), done

    @contextmanager
    def terminal(self, *arguments: str, columns: int = 100, rows: int = _ROWS) -> Iterator["Terminal"]:
        """A command in a terminal; it ends with the block."""
        command = [sys.executable, "-m", "narad", *arguments]
        terminal = Terminal(command, self.variables, self.directory, columns, rows)
        try:
            yield terminal
        finally:
            terminal.close()


class Terminal:
    """A command and the screen on which it draws."""

    def __init__(
        self, command: list[str], variables: Mapping[str, str], directory: Path, columns: int, rows: int
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ENTER, *command],
            env=dict(variables) | {"TERM": "xterm-256color"},
            cwd=directory,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen now, without empty lines."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def wait_for(self, *texts: str, seconds: float = _SECONDS) -> list[str]:
        """Wait until all of the texts stand on the screen at once, and return its lines."""
        if not self.shows(*texts, seconds=seconds):
            raise AssertionError(f"{texts} did not appear:\n" + "\n".join(self.lines))
        return self.lines

    def shows(self, *texts: str, seconds: float) -> bool:
        """Whether all of the texts stand on the screen at once within that time."""
        deadline = time.monotonic() + seconds
        while not all(any(text in line for line in self.lines) for text in texts):
            if not self._read(deadline - time.monotonic()):
                return False
        return True

    def press(self, keys: str) -> None:
        """Type; `\\x03` is Ctrl-C."""
        os.write(self._master, keys.encode())

    def end(self, seconds: float = _SECONDS) -> int:
        """Wait until the command has ended, see that the screen can be read, and return the exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        code = self._process.wait(max(0.1, deadline - time.monotonic()))
        stray = [line for line in self.lines if _STRAY.search(line)]
        assert not stray, stray
        return code

    def close(self) -> None:
        """End the command if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)

    def _read(self, seconds: float) -> bool:
        """Draw what comes next; False when nothing comes any more, or not in time."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        piece = b""
        with contextlib.suppress(OSError):  # whoever wrote to it has closed its end
            piece = os.read(self._master, 65_536)
        self.raw += piece
        self._stream.feed(piece)
        return bool(piece)
