"""Case `growth`: what does not get slower, or larger, while finished and waiting tasks pile up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from narad.api.pagination import PURPOSE, Cursor, encode_cursor
from narad.api.task_query import TaskQuery
from narad.secrets import Secrets
from narad.store.order import Position
from tests.support.processes import NaradProcess

_CONNECTIONS = 64
_X_UNIT = "finished tasks"
_SHARES = (0.5, 0.95)
_MEBIBYTE = 2**20
_HAND_OVER_RATE = 100.0
_START_SECONDS = 60.0

_NONE_NEW = "SELECT NOT EXISTS (SELECT FROM tasks WHERE status = 0)"
_NTH_OLDEST = "SELECT id FROM tasks ORDER BY id LIMIT 1 OFFSET $1"
_OF_INSTALLATION = "SELECT value FROM installation WHERE name = 'secret'"
_FAR_SHARE = 0.1
_OLD_TASKS = "SELECT count(*) FROM tasks WHERE finished_at < now() - interval '1 day'"


def run(scene: Scene, scale: Scale) -> Iterator[Figure]:
    """All rates and latencies at each size; drains beside those of a table without finished tasks, in turn."""
    with (
        scene.stage() as stage,
        Database(stage.database_url) as database,
        scene.stage() as empty_stage,
        Database(empty_stage.database_url) as empty_database,
    ):
        full, empty = Place(stage, database), Place(empty_stage, empty_database)
        stored = 0
        for rows in scale.finished_rows:
            put_finished(database, rows, beside=stored)
            stored = rows
            yield from _with_finished(full, empty, scale, rows)
    with scene.stage() as stage, Database(stage.database_url) as database:
        yield from _with_pruning(Place(stage, database), scale)
    with scene.stage() as stage, Database(stage.database_url) as database:
        yield from _with_waiting(stage, database, scale)


@dataclass(frozen=True)
class Place:
    """A stage and a connection to its database."""

    stage: Stage
    database: Database

    def drain(self, scale: Scale, *, broker: bool) -> Drained:
        """Drain tasks where nothing else waits."""
        drop_waiting(self.database)
        self.stage.drop_messages()
        return drain(self.stage, self.database, scale.growth_drain_tasks, workers=1, broker=broker)


def _with_finished(full: Place, empty: Place, scale: Scale, rows: int) -> Iterator[Figure]:
    place = f"{rows:,} finished".replace(",", " ")
    api = full.stage.api()
    yield from _reads(full.database, scale, api, place, rows)
    yield _submits(full.stage, scale, api, place, rows)
    yield _memory(place, "API", memory_bytes(pid_in(api.directory))["peak"])
    api.stop()
    for name, broker in (("RabbitMQ", True), ("direct dispatch", False)):
        drained, beside = [], []
        for _ in range(scale.runs):
            if rows:
                beside.append(empty.drain(scale, broker=broker))
            drained.append(full.drain(scale, broker=broker))
        yield _drains(f"drain by {name}, {place}", drained, series=name, rows=rows)
        if rows:
            shares = [100 * one.rate / other.rate for one, other in zip(drained, beside, strict=True)]
            yield Figure(name=f"drain by {name}, {place}, of an empty table's beside it", unit="%", runs=shares)
        yield _memory(place, f"worker of {name}", max(one.worker_bytes for one in drained))


def _with_pruning(place: Place, scale: Scale) -> Iterator[Figure]:
    """Drains while old tasks are removed beside them, each next to one of the same table without."""
    put_finished(place.database, scale.finished_rows[1])
    undisturbed, disturbed, removed = [], [], []
    for _ in range(scale.runs):
        undisturbed.append(place.drain(scale, broker=False))
        (before,) = place.database.row(_OLD_TASKS)
        pruner = place.stage.pruner()
        place.database.wait_until(f"SELECT ({_OLD_TASKS}) < $1::bigint", before, seconds=_START_SECONDS)
        disturbed.append(place.drain(scale, broker=False))
        pruner.stop()
        (after,) = place.database.row(_OLD_TASKS)
        removed.append(float(before - after))
    yield _drains("drain by direct dispatch beside the pruner", disturbed)
    shares = [100 * one.rate / other.rate for one, other in zip(disturbed, undisturbed, strict=True)]
    yield Figure(name="drain beside the pruner, of the same without it", unit="%", runs=shares)
    yield Figure(name="tasks that the pruner removed meanwhile", unit="tasks", runs=removed)


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
            "list, far page": f"{PATH}?cursor={_cursor_after(far, database)}",
            "list of FAILED": f"{PATH}?status=FAILED",
            "one task": f"{PATH}/{task_id}",
        }
        for name, path in reads.items():
            client.time(path, scale.reads // 10)
            times = sorted(client.time(path, scale.reads))
            for share in _SHARES:
                value = 1000 * percentile(times, share)
                yield Figure(name=f"{name}, {place}, p{share * 100:g}", unit="ms", runs=[value])


def _cursor_after(task_id: UUID, database: Database) -> str:
    """The cursor that an API of this installation would make."""
    secret = Secrets(bytes.fromhex(database.row(_OF_INSTALLATION)[0])).derive(PURPOSE)
    return encode_cursor(Cursor(Position(task_id), datetime.now(UTC)), TaskQuery(), secret)


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
