"""`python -m benchmarks [case …]`: run cases, keep their results, make the table and the pictures anew."""

import argparse
import dataclasses
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine, plots, results, table
from benchmarks.cases import dashboard, drain, end_to_end, growth, peers, submit
from benchmarks.database import Database
from benchmarks.figures import Figure, shown_number
from benchmarks.results import Result
from benchmarks.scale import CONCURRENCY, FULL, QUICK, Scale
from benchmarks.scene import POSTGRES_SETTINGS, Scene, scene

_RESULTS = Path(__file__).parent / "results"

CASES: Mapping[str, Callable[[Scene, Scale], Iterable[Figure]]] = {
    "drain": drain.run,
    "submit": submit.run,
    "end_to_end": end_to_end.run,
    "growth": growth.run,
    "dashboard": dashboard.run,
    "peers": peers.run,
}
NOT_QUICK = frozenset({"peers"})
"""Cases that a quick run leaves out unless they are named: they need an environment of their own."""


def main() -> int:
    """Run the cases of the command line; the exit code says whether all of them gave their figures."""
    arguments = _arguments()
    scale = QUICK if arguments.quick else FULL
    chosen = arguments.cases or [name for name in CASES if not (arguments.quick and name in NOT_QUICK)]
    with tempfile.TemporaryDirectory(prefix="narad-bench-") as name:
        directory = Path(name)
        kept = arguments.results or (directory / "results" if arguments.quick else _RESULTS)
        kept.mkdir(parents=True, exist_ok=True)
        with scene(directory) as servers:
            facts = machine.facts() | _server_versions(servers)
            failed = [case for case in chosen if not _run(case, servers, scale, facts, kept)]
        found = results.read_all(kept)
        table.write(found, kept)
        plots.write(found, kept)
    for case in failed:
        print(f"{case} FAILED")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure Narad on private servers.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works; results are not kept")
    parser.add_argument("--results", type=Path, metavar="DIRECTORY", help="where to keep results, also of --quick")
    parser.add_argument("cases", nargs="*", type=_case, metavar="case", help=f"some of: {', '.join(CASES)}")
    return parser.parse_args()


def _case(name: str) -> str:
    if name not in CASES:
        raise argparse.ArgumentTypeError(f"no case {name}; there are {', '.join(CASES)}")
    return name


def _run(case: str, servers: Scene, scale: Scale, facts: Mapping[str, Any], kept: Path) -> bool:
    """Whether the case gave its figures; they are kept then."""
    print(f"{case}:", flush=True)
    begin = time.monotonic()
    figures: list[Figure] = []
    try:
        for figure in CASES[case](servers, scale):
            figures.append(figure)
            print(
                f"  {figure.name}: {shown_number(figure.median)} {figure.unit}, spread {figure.spread:.0%}", flush=True
            )
    except Exception:  # noqa: BLE001 - the other cases are run all the same
        traceback.print_exc()
        return False
    settings = {"concurrency": CONCURRENCY, "postgresql": POSTGRES_SETTINGS, "scale": dataclasses.asdict(scale)}
    ran_at = datetime.now(UTC).strftime("%Y-%m-%d")
    results.write(Result(case=case, ran_at=ran_at, machine=facts, settings=settings, figures=figures), kept)
    print(f"  took {time.monotonic() - begin:.0f} s", flush=True)
    return True


def _server_versions(servers: Scene) -> dict[str, str]:
    with Database(servers.postgres.url("postgres")) as database:
        postgresql = str(database.row("SHOW server_version")[0]).split()[0]
    return {"postgresql": postgresql} | servers.versions()


if __name__ == "__main__":
    sys.exit(main())
