"""Case `end_to_end`: from the request that creates a task to its outcome, through RabbitMQ, idle and under load."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.cases.submit import port_of
from benchmarks.database import Database
from benchmarks.figures import Figure, percentile
from benchmarks.http_client import Client
from benchmarks.load.order import Order
from benchmarks.loading import PATH, TASK, put_load
from benchmarks.scale import Scale
from benchmarks.scene import Scene, Stage
from benchmarks.stored import first_id
from tests.support.processes import NaradProcess

_SHARES = (0.5, 0.95, 0.99)
_CHART = "end_to_end"
_CONNECTIONS = 64
_POLL_SECONDS = 0.001
_LONGEST_SECONDS = 120.0

_NOW = "SELECT clock_timestamp()"
_LATENCIES = "SELECT extract(epoch FROM finished_at - created_at)::float FROM tasks WHERE status = 3 AND id >= $1"
_NONE_LEFT = "SELECT NOT EXISTS (SELECT FROM tasks WHERE status < 3)"
_RATE = """
SELECT count(*) / extract(epoch FROM max(finished_at) - min(created_at))::float
FROM tasks WHERE status = 3 AND created_at >= $1
"""


def run(scene: Scene, scale: Scale) -> list[Figure]:
    """Latencies, by the database's time and by the clock of a client, and the throughput under a steady load."""
    with scene.stage() as stage, Database(stage.database_url) as database:
        api = stage.api()
        stage.workers(1)
        figures = list(_idle(database, scale, api))
        for rate in scale.rates:
            figures += _loaded(stage, database, scale, api, rate)
    return figures


def _idle(database: Database, scale: Scale, api: NaradProcess) -> Iterator[Figure]:
    by_client: list[list[float]] = []
    by_database: list[list[float]] = []
    _one_by_one(api, scale.idle_tasks // 10)
    for _ in range(scale.runs):
        since = first_id(database.row(_NOW)[0])
        by_client.append(_one_by_one(api, scale.idle_tasks))
        by_database.append([row[0] for row in database.rows(_LATENCIES, since)])
    for who, runs in (("created to finished", by_database), ("request to COMPLETED seen by a poll", by_client)):
        yield from _percentiles(f"idle, {who}", runs)


def _one_by_one(api: NaradProcess, count: int) -> list[float]:
    """Create tasks, each once the one before has ended; the seconds that each took, seen by polling its status."""
    times = []
    with Client(api.url) as client:
        for _ in range(count):
            begin = time.perf_counter()
            path = f"{PATH}/{client.send('POST', PATH, TASK)['id']}/status"
            while (status := client.send("GET", path)["status"]) != "COMPLETED":
                if time.perf_counter() - begin > _LONGEST_SECONDS:
                    raise TimeoutError(f"a task is {status}")
                time.sleep(_POLL_SECONDS)
            times.append(time.perf_counter() - begin)
    return times


def _loaded(stage: Stage, database: Database, scale: Scale, api: NaradProcess, rate: int) -> list[Figure]:
    order = Order(
        ports=(port_of(api),),
        path=PATH,
        body=TASK,
        connections=_CONNECTIONS,
        seconds=scale.load_seconds + scale.load_warm_up_seconds,
        rate=rate,
    )
    reports: list[dict[str, Any]] = []
    latencies: list[list[float]] = []
    rates: list[float] = []
    for _ in range(scale.runs):
        since = database.row(_NOW)[0]
        reports.append(put_load(stage, order))
        database.wait_until(_NONE_LEFT, seconds=_LONGEST_SECONDS)
        latencies.append([row[0] for row in database.rows(_LATENCIES, first_id(since))])
        rates.append(float(database.row(_RATE, since)[0]))
    details = {"note": f"asked for {rate} tasks/s", "reports": reports}
    achieved = Figure(name=f"{rate}/s, achieved", unit="tasks/s", runs=rates, details=details)
    return [achieved, *_percentiles(f"{rate}/s, created to finished", latencies, x=rate)]


def _percentiles(name: str, runs: Sequence[Sequence[float]], x: float | None = None) -> Iterator[Figure]:
    """One figure in milliseconds for each percentile of the latencies of several runs, in seconds."""
    ordered = [sorted(run) for run in runs]
    for share in _SHARES:
        values = [1000 * percentile(run, share) for run in ordered]
        of_share = f"p{share * 100:g}"
        chart = "" if x is None else _CHART
        yield Figure(
            name=f"{name}, {of_share}",
            unit="ms",
            runs=values,
            chart=chart,
            series=of_share,
            x=x,
            x_unit="tasks/s asked for",
        )
