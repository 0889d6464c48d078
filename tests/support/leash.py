"""A server process that cannot outlive the tests that started it.

The test process starts this file as a small supervisor, and the supervisor starts the server. It ends the server, with
everything the server has forked, when the server's main process ends, when the test process says so, and when the test
process dies in any way, `kill -9` included; in the last case it also runs the clean-up commands.

Why not PR_SET_PDEATHSIG: it hangs on the thread that forked, is cleared by a change of user, and is not inherited, so
it loses the daemonised epmd of RabbitMQ. Why not a process group: PostgreSQL puts each backend into one of its own.
The supervisor is a child subreaper instead: whatever detaches itself below becomes its child and stays findable.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_QUIT_SECONDS = 3.0


class Leash:
    """The test's end: a running command, its exit code, and the way to send it signals."""

    def __init__(self, command: Sequence[str], *, log: Path, cleanup: Sequence[Sequence[str]] = ()) -> None:
        order = json.dumps({"parent": os.getpid(), "command": list(command), "cleanup": [list(c) for c in cleanup]})
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, order],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the tests; they end the server in order
                cwd="/",
            )

    @property
    def alive(self) -> bool:
        """Whether anything of the command is still running."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command's main process. Once that has ended, the rest of it is killed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(bytes([number]))
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it has ended by itself

    def wait(self, seconds: float) -> int:
        """Wait until nothing of the command is left, and return its exit code."""
        code = self._process.wait(seconds)
        if self._process.stdin is not None:
            self._close_pipe()
        return code

    def close(self) -> None:
        """End the command at once if it still runs, and run the clean-up then."""
        self._close_pipe()
        self._process.wait(30)

    def _close_pipe(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            return


def supervise(parent: int, command: Sequence[str], cleanup: Sequence[Sequence[str]]) -> int:
    """Run `command` until it ends, or until standard input or the parent process does."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    code, orphaned = 0, True
    if parent == os.getppid():
        code, orphaned = _run(command, os.pidfd_open(parent))
    _kill_descendants()
    if orphaned:
        for step in cleanup:
            subprocess.run(step, check=False)
    return code if code >= 0 else 128 - code


def _run(command: Sequence[str], parent_watch: int) -> tuple[int, bool]:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    orphaned = _relay_signals(child, os.pidfd_open(child.pid), parent_watch)
    if orphaned:
        child.send_signal(signal.SIGQUIT)  # for PostgreSQL and Erlang alike: end at once, but release shared memory
        try:
            child.wait(_QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait(), orphaned


def _relay_signals(child: "subprocess.Popen[bytes]", child_watch: int, parent_watch: int) -> bool:
    """Pass on each byte of standard input as a signal; true when the tests are gone, false when the child is."""
    while True:
        ready, _, _ = select.select([0, child_watch, parent_watch], [], [])
        if child_watch in ready:
            return False
        if parent_watch in ready:
            return True
        order = os.read(0, 1)
        if not order:
            return True
        child.send_signal(order[0])


def _kill_descendants() -> None:
    while True:
        left = list(_descendants(os.getpid()))
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _reap()
        time.sleep(0.005)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _descendants(ancestor: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.parent.name, stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(rest[1]), []).append(int(pid))
    todo = [ancestor]
    while todo:
        found = children.get(todo.pop(), [])
        todo += found
        yield from found


if __name__ == "__main__":
    sys.exit(supervise(**json.loads(sys.argv[1])))
