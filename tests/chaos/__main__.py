"""The command line of a chaos run."""

import argparse
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.chaos.engine import WORKERS, play
from tests.chaos.report import Report
from tests.support.stage import audited_postgres, fresh_rabbit, scenery

_MOST_SEEDS = 1_000_000


def _run(seed: int, seconds: float) -> Report:
    with (
        tempfile.TemporaryDirectory(prefix="narad-chaos-") as directory,
        audited_postgres() as postgres,
        fresh_rabbit() as rabbit,
        scenery(postgres, rabbit, Path(directory) / "scene") as start,
    ):
        return play(start(workers=WORKERS), seed=seed, seconds=seconds, say=_say)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Run, and print the figures; 1 where an invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults strike")
    parser.add_argument("--seed", type=int, help="repeats the faults and tasks of an earlier run")
    arguments = parser.parse_args()
    seed = SystemRandom().randrange(_MOST_SEEDS) if arguments.seed is None else arguments.seed
    _say(f"seed {seed}")
    report = _run(seed, arguments.minutes * 60)
    sys.stdout.write(f"{report.table()}\n")
    for problem in report.problems:
        _say(f"violated: {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
