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
from benchmarks.draining import drain, repeated
from benchmarks.figures import Figure
from benchmarks.scale import Scale
from benchmarks.scene import Scene, Stage, prepare
from benchmarks.stored import put_waiting
from narad.domain.status import Priority
from narad.domain.task import NewTask
from narad.ids import new_id
from tests.support.stores import opened

_CHART = "drain"
_UNIT = "tasks/s"
_LOWEST_RATE = 100.0
_START_SECONDS = 120.0
_CHUNK = 1_000
_PAUSE_SECONDS = 0.05


def run(scene: Scene, scale: Scale) -> list[Figure]:
    """Drain rates, each run on a stage of its own."""
    measured: list[tuple[str, Callable[[Stage, int], float]]] = [
        ("RabbitMQ, 1 worker", partial(_narad, workers=1, broker=True)),
        ("RabbitMQ, 2 workers", partial(_narad, workers=2, broker=True)),
        ("direct on PostgreSQL, 1 worker", partial(_narad, workers=1, broker=False)),
        ("direct on PostgreSQL, 2 workers", partial(_narad, workers=2, broker=False)),
        ("embedded on SQLite", _embedded),
        ("ceiling: bare SQL loop", _bare_sql),
        ("ceiling: bare aio-pika, an ack each", partial(_bare_consumer, kind="aio_pika")),
        ("ceiling: bare aiormq, an ack per 50", partial(_bare_consumer, kind="aiormq")),
    ]
    return [
        Figure(name=name, unit=_UNIT, runs=repeated(scene, scale, scale.drain_tasks, work), chart=_CHART)
        for name, work in measured
    ]


def _narad(stage: Stage, count: int, *, workers: int, broker: bool) -> float:
    with Database(stage.database_url) as database:
        return drain(stage, database, count, workers=workers, broker=broker).rate


def _bare_sql(stage: Stage, count: int) -> float:
    with Database(stage.database_url) as database:
        put_waiting(database, count, handed_over=True)
    seconds: float = stage.module("benchmarks.ceilings", "sql", stage.database_url).result(_limit(count))
    return count / seconds


def _bare_consumer(stage: Stage, count: int, *, kind: str) -> float:
    program = stage.module("benchmarks.ceilings", kind, stage.broker_url, str(count))
    seconds: float = program.result(_limit(count))
    return count / seconds


def _embedded(stage: Stage, count: int) -> float:
    stage.directory.mkdir(parents=True)
    path = stage.directory / "narad.db"
    url = f"sqlite:///{path}"
    asyncio.run(_fill(url, count))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE tasks SET status = 1, due_at = NULL")  # as a relay leaves them in direct dispatch
    process = stage.dev(url)
    _wait_until_done(path, count)
    process.stop()
    with closing(sqlite3.connect(path)) as db:
        (microseconds,) = db.execute("SELECT max(finished_at) - min(started_at) FROM tasks WHERE status = 3").fetchone()
    return float(count / (microseconds / 1_000_000))


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
