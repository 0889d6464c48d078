"""Case `drain`: stored no-op tasks through RabbitMQ, by direct dispatch, and embedded, next to what bounds them."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.database import Database
from benchmarks.draining import Drained, drain
from benchmarks.figures import Figure
from benchmarks.processes import memory_bytes, pid_in
from benchmarks.rounds import Entrant, compared, rates, run_rounds
from benchmarks.scale import Scale
from benchmarks.scene import Scene, Stage, prepare
from benchmarks.stored import put_waiting
from narad.domain.status import Priority
from narad.domain.task import NewTask
from narad.ids import new_id
from tests.support.stores import opened

_PUSHED = "RabbitMQ, 1 worker"
_DIRECT = "direct on PostgreSQL, 1 worker"
_BARE_SQL = "ceiling: bare SQL loop"
_BARE_CONSUMER = "ceiling: bare aio-pika, an ack each"

_LOWEST_RATE = 100.0
_START_SECONDS = 120.0
_CHUNK = 1_000
_PAUSE_SECONDS = 0.05
_COMPLETED = "SELECT count(*), max(finished_at) - min(started_at) FROM tasks WHERE status = 3"


def run(scene: Scene, scale: Scale) -> list[Figure]:
    """Drain rates, and what they are of the rates of bare loops that do nothing else."""
    works: dict[str, Callable[[Stage, int], Drained]] = {
        _PUSHED: partial(_narad, workers=1, broker=True),
        "RabbitMQ, 2 workers": partial(_narad, workers=2, broker=True),
        _DIRECT: partial(_narad, workers=1, broker=False),
        "direct on PostgreSQL, 2 workers": partial(_narad, workers=2, broker=False),
        "embedded on SQLite": _embedded,
        _BARE_SQL: _loop,
        _BARE_CONSUMER: partial(_consume, kind="aio_pika"),
        "ceiling: bare aiormq, an ack per 50": partial(_consume, kind="aiormq"),
    }
    entrants = [Entrant(name=name, tasks=scale.drain_tasks, work=work) for name, work in works.items()]
    found = run_rounds(scene, scale, entrants)
    return [
        *(rates(name, drained, chart="drain") for name, drained in found.items()),
        compared("RabbitMQ of bare aio-pika", found[_PUSHED], found[_BARE_CONSUMER], unit="%", factor=100),
        compared("direct of the bare SQL loop", found[_DIRECT], found[_BARE_SQL], unit="%", factor=100),
    ]


def _narad(stage: Stage, count: int, *, workers: int, broker: bool) -> Drained:
    with Database(stage.database_url) as database:
        return drain(stage, database, count, workers=workers, broker=broker)


def _loop(stage: Stage, count: int) -> Drained:
    with Database(stage.database_url) as database:
        put_waiting(database, count, handed_over=True)
    return Drained(count, stage.module("benchmarks.ceilings", "sql", stage.database_url).result(_limit(count)))


def _consume(stage: Stage, count: int, *, kind: str) -> Drained:
    program = stage.module("benchmarks.ceilings", kind, stage.broker_url, str(count))
    return Drained(count, program.result(_limit(count)))


def _embedded(stage: Stage, count: int) -> Drained:
    stage.directory.mkdir(parents=True)
    path = stage.directory / "narad.db"
    url = f"sqlite:///{path}"
    asyncio.run(_fill(url, count))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE tasks SET status = 1, due_at = NULL")  # as a relay leaves them in direct dispatch
    begin = time.monotonic()
    process = stage.dev(url)
    _wait_until_done(path, count)
    wall_seconds = time.monotonic() - begin
    worker_bytes = memory_bytes(pid_in(process.directory))["peak"]
    process.stop()
    with closing(sqlite3.connect(path)) as db:
        completed, microseconds = db.execute(_COMPLETED).fetchone()
    if completed != count:
        raise AssertionError(f"{completed} of {count} tasks are COMPLETED")
    return Drained(count, microseconds / 1_000_000, wall_seconds, worker_bytes)


async def _fill(url: str, count: int) -> None:
    await prepare(url)
    async with opened(url) as store:
        for first in range(0, count, _CHUNK):
            await store.tasks.insert([_new_task() for _ in range(first, min(first + _CHUNK, count))])


def _new_task() -> NewTask:
    now = datetime.now(UTC)
    return NewTask(
        id=new_id(),
        name="Benchmark",
        description=None,
        priority=Priority.MEDIUM,
        handler="demo.echo",
        queue="default",
        payload={"n": 1},
        tags=(),
        created_at=now,
        run_at=now,
        max_attempts=3,
        max_losses=3,
        timeout_seconds=None,
    )


def _wait_until_done(path: Path, count: int) -> None:
    deadline = time.monotonic() + _limit(count)
    with closing(sqlite3.connect(path, timeout=30)) as db:
        while db.execute("SELECT EXISTS (SELECT 1 FROM tasks WHERE status < 3)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count} tasks on SQLite are not done")
            time.sleep(_PAUSE_SECONDS)


def _limit(count: int) -> float:
    return _START_SECONDS + count / _LOWEST_RATE
