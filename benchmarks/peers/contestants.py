"""The contestants as data: how many tasks each gets, how it is started, and how its time is taken."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.database import Database
from benchmarks.processes import Program

_APPS = "benchmarks.peers.apps"
_LONGEST_SECONDS = 180.0
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One peer.

    `worker` is the command of its worker, the first word a program of `.venv-peers`; `tasks` is what keeps it busy for
    at least five seconds. `seconds` waits until all tasks are done, and tells how long the worker took from the first
    outcome to the last.
    """

    name: str
    packages: tuple[str, ...]
    tasks: int
    app: str
    worker: tuple[str, ...]
    stores: str
    seconds: Callable[[Database, Program, int], float]


def _of_table(table: str, column: str, condition: str) -> Callable[[Database, Program, int], float]:
    """By the times in a table of outcomes."""
    done = f"SELECT count(*) >= $1::bigint FROM {table} WHERE {condition}"  # noqa: S608 - constants of this module
    times = f"SELECT extract(epoch FROM max({column}) - min({column}))::float FROM {table} WHERE {condition}"  # noqa: S608 - the same

    def seconds(database: Database, _worker: Program, count: int) -> float:
        database.wait_until(done, count, seconds=_LONGEST_SECONDS)
        return float(database.row(times)[0])

    return seconds


def _of_count(table: str) -> Callable[[Database, Program, int], float]:
    """By counting a table of outcomes that has no times, scaled from what was there at the first look that saw any."""
    question = f"SELECT count(*) FROM {table}"  # noqa: S608 - a constant of this module

    def seconds(database: Database, worker: Program, count: int) -> float:
        database.wait_until(f"SELECT EXISTS (SELECT FROM {table})", seconds=_LONGEST_SECONDS)  # noqa: S608 - the same
        begin, before = time.perf_counter(), database.row(question)[0]
        while database.row(question)[0] < count:
            worker.check()
            if time.perf_counter() - begin > _LONGEST_SECONDS:
                raise TimeoutError(f"not {count} rows in {table}")
            time.sleep(_PAUSE_SECONDS)
        return float((time.perf_counter() - begin) * count / (count - before))

    return seconds


def _of_file(name: str) -> Callable[[Database, Program, int], float]:
    """By what the worker wrote into a file of its directory at the end."""

    def seconds(_database: Database, worker: Program, _count: int) -> float:
        path: Path = worker.directory / name
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not (path.exists() and (text := path.read_text())):
            worker.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"no file {name}")
            time.sleep(_PAUSE_SECONDS)
        return float(text)

    return seconds


CONTESTANTS = (
    Contestant(
        name="Celery",
        packages=("celery", "kombu", "sqlalchemy", "psycopg2-binary"),
        tasks=4_000,
        app=f"{_APPS}.celery_app",
        worker=(
            "celery", "--app", f"{_APPS}.celery_app", "worker", "--pool", "prefork", "--concurrency", "2",
            "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
        ),
        stores="results in PostgreSQL, prefork with 2 processes",
        seconds=_of_table("celery_taskmeta", "date_done", "status = 'SUCCESS'"),
    ),
    Contestant(
        name="Taskiq",
        packages=("taskiq", "taskiq-aio-pika", "taskiq-postgres", "aio-pika", "asyncpg"),
        tasks=15_000,
        app=f"{_APPS}.taskiq_app",
        worker=(
            "taskiq", "worker", f"{_APPS}.taskiq_app:broker", "--workers", "1", "--max-async-tasks", "100",
            "--log-level", "WARNING",
        ),
        stores="results in PostgreSQL, 1 process with 100 slots",
        seconds=_of_count("taskiq_results"),
    ),
    Contestant(
        name="Procrastinate",
        packages=("procrastinate", "psycopg"),
        tasks=4_000,
        app=f"{_APPS}.procrastinate_app",
        worker=(
            "procrastinate", "--app", f"{_APPS}.procrastinate_app.app", "worker", "--concurrency", "100",
        ),
        stores="jobs in PostgreSQL, no broker, 1 process with 100 slots",
        seconds=_of_table("procrastinate_events", "at", "type = 'succeeded'"),
    ),
    Contestant(
        name="Dramatiq",
        packages=("dramatiq", "pika"),
        tasks=30_000,
        app=f"{_APPS}.dramatiq_app",
        worker=("dramatiq", f"{_APPS}.dramatiq_app", "--processes", "1", "--threads", "8"),
        stores="no results, 1 process with 8 threads",
        seconds=_of_file("seconds"),
    ),
)  # fmt: skip
