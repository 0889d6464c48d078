"""Case `peers`: the drain of stored no-op tasks, side by side with what else there is, on the same servers."""

import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.database import Database
from benchmarks.draining import Drained, drain
from benchmarks.figures import Figure
from benchmarks.peers.contestants import CONTESTANTS, Contestant
from benchmarks.processes import REPOSITORY
from benchmarks.rounds import Entrant, compared, rates, run_rounds
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
    found = run_rounds(scene, scale, [_narad_entrant(scale), *(_entrant(scale, peer) for peer in CONTESTANTS)])
    yield rates("Narad", found["Narad"], chart="peers", note="everything in PostgreSQL, 1 worker process")
    with scene.stage(template=None) as stage:
        for peer in CONTESTANTS:
            yield rates(
                peer.name,
                found[peer.name],
                chart="peers",
                note=peer.stores,
                worker=list(peer.worker),
                versions=_versions(stage, peer),
            )
    for peer in CONTESTANTS:
        yield compared(f"Narad to {peer.name}", found["Narad"], found[peer.name])


def _narad_entrant(scale: Scale) -> Entrant:
    return Entrant(name="Narad", tasks=round(_NARAD_TASKS * scale.peer_share), work=_narad)


def _entrant(scale: Scale, peer: Contestant) -> Entrant:
    work = partial(_peer, contestant=peer)
    return Entrant(name=peer.name, tasks=round(peer.tasks * scale.peer_share), work=work, template=None)


def _narad(stage: Stage, count: int) -> Drained:
    with Database(stage.database_url) as database:
        return drain(stage, database, count, workers=1, broker=True)


def _peer(stage: Stage, count: int, *, contestant: Contestant) -> Drained:
    environment = {
        "BENCH_DATABASE_URL": stage.database_url,
        "BENCH_BROKER_URL": stage.broker_url,
        "BENCH_COUNT": str(count),
    }
    stage.program(_program("python"), "-m", contestant.app, str(count), **environment).wait(_ENQUEUE_SECONDS)
    program, *arguments = contestant.worker
    begin = time.monotonic()
    worker = stage.program(_program(program), *arguments, **environment)
    with Database(stage.database_url) as database:
        seconds = contestant.seconds(database, worker, count)
    return Drained(count, seconds, time.monotonic() - begin)


def _versions(stage: Stage, contestant: Contestant) -> Mapping[str, str]:
    found: Mapping[str, str] = stage.program(_program("python"), "-c", _VERSIONS, *contestant.packages).result(30)
    return found


def _program(name: str) -> str:
    path: Path = _ENVIRONMENT / name
    return str(path)
