"""Draining: how fast tasks that wait are run, from the first claim to the last finish by the database's time."""

import time
from dataclasses import dataclass

from benchmarks.database import Database
from benchmarks.processes import memory_bytes, pid_in
from benchmarks.scene import Stage
from benchmarks.stored import put_waiting

_START_SECONDS = 60.0
_LOWEST_RATE = 100.0
"""Tasks per second below which a drain counts as stuck."""

_NONE_LEFT = (
    "SELECT NOT EXISTS (SELECT FROM tasks WHERE status IN (0, 1)) AND NOT EXISTS (SELECT FROM tasks WHERE status = 2)"
)
_NONE_NEW = "SELECT NOT EXISTS (SELECT FROM tasks WHERE status = 0)"
_COMPLETED = """
SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at))::float FROM tasks WHERE status = 3 AND id >= $1
"""
_COMPLETED_SINCE = """
SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at))::float
FROM tasks WHERE status = 3 AND started_at >= $1
"""
_SO_MANY_SINCE = "SELECT count(*) >= $2::bigint FROM tasks WHERE status = 3 AND started_at >= $1"


@dataclass(frozen=True)
class Drained:
    """What became of a drain: how many tasks in how many seconds.

    Where it was seen, `wall_seconds` includes the start of the workers, and `worker_bytes` is the peak memory of the
    first of them.
    """

    tasks: int
    seconds: float
    wall_seconds: float = 0
    worker_bytes: int = 0

    @property
    def rate(self) -> float:
        """Tasks per second."""
        return self.tasks / self.seconds


def drain(stage: Stage, database: Database, count: int, *, workers: int, broker: bool) -> Drained:
    """Store tasks, have them handed over where there is a broker, start workers, wait for the last outcome."""
    waiting = put_waiting(database, count, handed_over=not broker)
    limit = _START_SECONDS + count / _LOWEST_RATE
    api = stage.api() if broker else None
    if api is not None:
        database.wait_until(_NONE_NEW, seconds=limit)
    begin = time.monotonic()
    started = stage.workers(workers, broker=broker)
    database.wait_until(_NONE_LEFT, seconds=limit)
    wall_seconds = time.monotonic() - begin
    worker_bytes = memory_bytes(pid_in(started[0].directory))["peak"]
    for process in [*started, *([api] if api else [])]:
        process.stop()
    tasks, seconds = database.row(_COMPLETED, waiting.first_id)
    if tasks != count:
        raise AssertionError(f"{tasks} of {count} tasks are COMPLETED")
    return Drained(tasks, seconds, wall_seconds, worker_bytes)


def drain_part(stage: Stage, database: Database, count: int, *, broker: bool) -> Drained:
    """Start a worker on what waits and was handed over already, and stop it when it has run so many tasks."""
    (before,) = database.row("SELECT clock_timestamp()")
    begin = time.monotonic()
    (worker,) = stage.workers(1, broker=broker)
    database.wait_until(_SO_MANY_SINCE, before, count, seconds=_START_SECONDS + count / _LOWEST_RATE)
    wall_seconds = time.monotonic() - begin
    worker_bytes = memory_bytes(pid_in(worker.directory))["peak"]
    worker.stop()
    tasks, seconds = database.row(_COMPLETED_SINCE, before)
    return Drained(tasks, seconds, wall_seconds, worker_bytes)
