"""Case `peers`: the drain of stored no-op tasks, side by side with what else there is, on the same servers."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.database import Database
from benchmarks.draining import drain, repeated
from benchmarks.figures import Figure
from benchmarks.peers.contestants import CONTESTANTS, Contestant
from benchmarks.processes import REPOSITORY
from benchmarks.scale import Scale
from benchmarks.scene import Scene, Stage

_ENVIRONMENT = REPOSITORY / ".venv-peers" / "bin"
_NARAD_TASKS = 60_000
_ENQUEUE_SECONDS = 300.0
_VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


def run(scene: Scene, scale: Scale) -> Iterator[Figure]:
    """The rates of all, and those of Narad as multiples of the others'."""
    if not (_ENVIRONMENT / "python").exists():
        raise FileNotFoundError(f"{_ENVIRONMENT.parent.name} is not there; run: make venv-peers")
    narad = Figure(
        name="Narad",
        unit="tasks/s",
        runs=repeated(scene, scale, round(_NARAD_TASKS * scale.peer_share), _narad),
        chart="peers",
        details={"note": "everything in PostgreSQL, 1 worker process"},
    )
    yield narad
    for contestant in CONTESTANTS:
        peer = _figure(scene, scale, contestant)
        yield peer
        yield Figure(name=f"Narad to {contestant.name}", unit="times", runs=[narad.median / peer.median])


def _figure(scene: Scene, scale: Scale, contestant: Contestant) -> Figure:
    count = round(contestant.tasks * scale.peer_share)
    rates = repeated(scene, scale, count, partial(_peer, contestant=contestant), template=None)
    with scene.stage(template=None) as stage:
        versions = _versions(stage, contestant)
    return Figure(
        name=contestant.name,
        unit="tasks/s",
        runs=rates,
        chart="peers",
        details={
            "note": contestant.stores,
            "tasks": count,
            "worker": list(contestant.worker),
            "versions": versions,
        },
    )


def _narad(stage: Stage, count: int) -> float:
    with Database(stage.database_url) as database:
        return drain(stage, database, count, workers=1, broker=True).rate


def _peer(stage: Stage, count: int, *, contestant: Contestant) -> float:
    environment = {
        "BENCH_DATABASE_URL": stage.database_url,
        "BENCH_BROKER_URL": stage.broker_url,
        "BENCH_COUNT": str(count),
    }
    stage.program(_program("python"), "-m", contestant.app, str(count), **environment).wait(_ENQUEUE_SECONDS)
    program, *arguments = contestant.worker
    worker = stage.program(_program(program), *arguments, **environment)
    with Database(stage.database_url) as database:
        return count / contestant.seconds(database, worker, count)


def _versions(stage: Stage, contestant: Contestant) -> Mapping[str, str]:
    found: Mapping[str, str] = stage.program(_program("python"), "-c", _VERSIONS, *contestant.packages).result(30)
    return found


def _program(name: str) -> str:
    path: Path = _ENVIRONMENT / name
    return str(path)
