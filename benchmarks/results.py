"""Results on disk: one JSON file per case, which a later run of that case replaces."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure


@dataclass(frozen=True, kw_only=True)
class Result:
    """The figures of one case, and all that they depend on."""

    case: str
    ran_at: str
    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    figures: Sequence[Figure]


def write(result: Result, directory: Path) -> None:
    """Keep a result; a median and a spread stand beside the runs, for readers of the file."""
    fields = dataclasses.asdict(result)
    for figure, shown in zip(result.figures, fields["figures"], strict=True):
        shown |= {"median": figure.median, "spread": round(figure.spread, 4)}
    (directory / f"{result.case}.json").write_text(json.dumps(fields, indent=1) + "\n")


def read_all(directory: Path) -> list[Result]:
    """Every result that is there, by case."""
    return [_read(path) for path in sorted(directory.glob("*.json"))]


def _read(path: Path) -> Result:
    fields = json.loads(path.read_text())
    names = {field.name for field in dataclasses.fields(Figure)}
    figures = [Figure(**{name: value for name, value in shown.items() if name in names}) for shown in fields["figures"]]
    return Result(**fields | {"figures": figures})
