"""Case `growth`: what does not get slower, or larger, while finished and waiting tasks pile up."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from benchmarks.cases.submit import port_of
from benchmarks.database import Database
from benchmarks.draining import Drained, drain, drain_part
from benchmarks.figures import Figure, percentile
from benchmarks.http_client import Client
from benchmarks.loading import PATH, TASK, put_load, task_order
from benchmarks.processes import memory_bytes, pid_in
from benchmarks.scale import Scale
from benchmarks.scene import Scene, Stage
from benchmarks.stored import drop_waiting, put_finished, put_waiting
from narad.api.pagination import encode_cursor
from narad.api.schemas import TaskQuery
from tests.support.processes import NaradProcess

_CONNECTIONS = 64
_X_UNIT = "finished tasks"
_SHARES = (0.5, 0.95)
_MEBIBYTE = 2**20
_HAND_OVER_RATE = 100.0
_START_SECONDS = 60.0

_NONE_NEW = "SELECT NOT EXISTS (SELECT FROM tasks WHERE status = 0)"
_NTH_OLDEST = "SELECT id FROM tasks ORDER BY id LIMIT 1 OFFSET $1"
_FAR_SHARE = 0.1


def run(scene: Scene, scale: Scale) -> list[Figure]:
    """All rates and latencies at each size, with what the largest keeps of the rates of the smallest."""
    figures: list[Figure] = []
    with scene.stage() as stage, Database(stage.database_url) as database:
        stored = 0
        for rows in scale.finished_rows:
            put_finished(database, rows, beside=stored)
            stored = rows
            figures += _with_finished(stage, database, scale, rows)
    figures += _kept(figures, scale.finished_rows[0], scale.finished_rows[-1])
    with scene.stage() as stage, Database(stage.database_url) as database:
        figures += _with_waiting(stage, database, scale)
    return figures


def _with_finished(stage: Stage, database: Database, scale: Scale, rows: int) -> Iterator[Figure]:
    place = f"{rows:,} finished".replace(",", " ")
    api = stage.api()
    yield from _reads(database, scale, api, place, rows)
    yield _submits(stage, scale, api, place, rows)
    yield _memory(place, "API", memory_bytes(pid_in(api.directory))["peak"])
    api.stop()
    for name, broker in (("RabbitMQ", True), ("direct dispatch", False)):
        drained: list[Drained] = []
        for _ in range(scale.runs):
            drop_waiting(database)
            stage.drop_messages()
            drained.append(drain(stage, database, scale.growth_drain_tasks, workers=1, broker=broker))
        yield _drains(f"drain by {name}, {place}", drained, series=name, rows=rows)
        yield _memory(place, f"worker of {name}", max(one.worker_bytes for one in drained))


def _with_waiting(stage: Stage, database: Database, scale: Scale) -> Iterator[Figure]:
    place = f"{scale.waiting_rows:,} waiting".replace(",", " ")
    put_waiting(database, scale.waiting_rows, handed_over=False)
    api = stage.api()
    database.wait_until(_NONE_NEW, seconds=_START_SECONDS + scale.waiting_rows / _HAND_OVER_RATE)
    yield from _reads(database, scale, api, place, scale.waiting_rows)
    yield _submits(stage, scale, api, place)
    yield _memory(place, "API", memory_bytes(pid_in(api.directory))["peak"])
    part = min(scale.growth_drain_tasks, scale.waiting_rows // (4 * scale.runs))  # at least half stays
    drained = [drain_part(stage, database, part, broker=True) for _ in range(scale.runs)]
    yield _drains(f"drain by RabbitMQ, {place}", drained)
    yield _memory(place, "worker of RabbitMQ", max(one.worker_bytes for one in drained))
    api.stop()
    drained = [drain_part(stage, database, part, broker=False) for _ in range(scale.runs)]
    yield _drains(f"drain by direct dispatch, {place}", drained)


def _reads(database: Database, scale: Scale, api: NaradProcess, place: str, rows: int) -> Iterator[Figure]:
    with Client(api.url) as client:
        task_id = client.send("POST", PATH, TASK)["id"]
        far: UUID = database.row(_NTH_OLDEST, int(rows * _FAR_SHARE))[0]
        reads = {
            "list, first page": PATH,
            "list, far page": f"{PATH}?cursor={encode_cursor(far, TaskQuery())}",
            "list of FAILED": f"{PATH}?status=FAILED",
            "one task": f"{PATH}/{task_id}",
        }
        for name, path in reads.items():
            client.time(path, scale.reads // 10)
            times = sorted(client.time(path, scale.reads))
            for share in _SHARES:
                value = 1000 * percentile(times, share)
                yield Figure(name=f"{name}, {place}, p{share * 100:g}", unit="ms", runs=[value])


def _submits(stage: Stage, scale: Scale, api: NaradProcess, place: str, rows: int | None = None) -> Figure:
    order = task_order(scale, (port_of(api),), _CONNECTIONS)
    reports = [put_load(stage, order, watched=pid_in(api.directory)) for _ in range(scale.runs)]
    return Figure(
        name=f"submit, {place}",
        unit="tasks/s",
        runs=[report["per_second"] for report in reports],
        chart="" if rows is None else "growth",
        series="submit",
        x=rows,
        x_unit=_X_UNIT,
        details={"reports": reports},
    )


def _drains(name: str, drained: Sequence[Drained], *, series: str = "", rows: int | None = None) -> Figure:
    chart = "" if rows is None else "growth"
    return Figure(
        name=name,
        unit="tasks/s",
        runs=[one.rate for one in drained],
        chart=chart,
        series=f"drain by {series}",
        x=rows,
        x_unit=_X_UNIT,
    )


def _memory(place: str, who: str, peak: int) -> Figure:
    return Figure(name=f"peak memory of the {who}, {place}", unit="MB", runs=[peak / _MEBIBYTE])


def _kept(figures: Sequence[Figure], least: int, most: int) -> Iterator[Figure]:
    """What the rates with most rows are of those with the least."""
    by_place = {(figure.series, figure.x): figure for figure in figures if figure.chart}
    for series in dict.fromkeys(figure.series for figure in figures if figure.chart):
        share = 100 * by_place[series, most].median / by_place[series, least].median
        name = f"{series}, with {most:,} of with {least:,} finished".replace(",", " ").replace("  ", ", ")
        yield Figure(name=name, unit="%", runs=[share])
