"""Draining: how fast tasks that wait are run, from the first claim to the last finish by the database's time."""

import time
from dataclasses import dataclass

from benchmarks.database import Database
from benchmarks.scene import Stage
from benchmarks.stored import Waiting, put_waiting

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


@dataclass(frozen=True)
class Drained:
    """What became of a drain: how many tasks, in how many seconds, and in how many with the start of the workers."""

    tasks: int
    seconds: float
    wall_seconds: float

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
    for process in [*started, *([api] if api else [])]:
        process.stop()
    return Drained(*completed(database, waiting), wall_seconds)


def completed(database: Database, waiting: Waiting) -> tuple[int, float]:
    """How many of the tasks are COMPLETED, and the seconds from the first claim to the last finish."""
    count, seconds = database.row(_COMPLETED, waiting.first_id)
    return count, seconds
