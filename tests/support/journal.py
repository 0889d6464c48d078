"""What handlers say of their own runs: one line at the start and one at the end, in a file of their process.

It is written from inside the handler, so it tells what really ran, whatever the service believes.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narad import Context

_FILES = "journal-*.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of an attempt, in seconds of this machine's monotonic clock; no end: its process was killed.

    `pid` is that of the worker, also where the handler ran in a process of its own.
    """

    task_id: str
    attempt: int
    pid: int
    started: float
    ended: float | None


@contextmanager
def journaled(ctx: Context) -> Iterator[None]:
    """Write down the start and the end of this run, however it ends."""
    _write(ctx, "start")
    try:
        yield
    finally:
        _write(ctx, "end")


def read_journal(directory: Path) -> list[Run]:
    """All runs so far, the first first."""
    lines = [line for file in directory.glob(_FILES) for line in file.read_text().splitlines()]
    events: list[dict[str, Any]] = sorted((json.loads(line) for line in lines), key=lambda event: event["monotonic"])
    open_runs: dict[tuple[str, int, int], list[float]] = {}
    runs = []
    for event in events:
        key = (event["task"], event["attempt"], event["pid"])
        if event["what"] == "start":
            open_runs.setdefault(key, []).append(event["monotonic"])
        else:
            runs.append(_run(key, open_runs[key].pop(0), event["monotonic"]))
    runs += [_run(key, started, None) for key, starts in open_runs.items() for started in starts]
    return sorted(runs, key=lambda run: run.started)


def _run(key: tuple[str, int, int], started: float, ended: float | None) -> Run:
    task_id, attempt, pid = key
    return Run(task_id=task_id, attempt=attempt, pid=pid, started=started, ended=ended)


def _write(ctx: Context, what: str) -> None:
    """In one write, so that a kill leaves whole lines."""
    event = {
        "what": what,
        "task": str(ctx.task_id),
        "attempt": ctx.attempt,
        "pid": int(os.environ["TESTS_PID"]),
        "monotonic": time.monotonic(),
        "wall": time.time(),
    }
    path = Path(os.environ["TESTS_SHARED"]) / _FILES.replace("*", str(os.getpid()))
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, json.dumps(event).encode() + b"\n")
    finally:
        os.close(file)
