"""Rounds: everyone who is compared runs once in each, so that a machine that gets slower does so for all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.draining import Drained
from benchmarks.figures import Figure, shown_number
from benchmarks.scale import Scale
from benchmarks.scene import TEMPLATE, Scene, Stage


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """Something that drains `tasks` tasks; each time on a stage of its own, with a database made from `template`."""

    name: str
    tasks: int
    work: Callable[[Stage, int], Drained]
    template: str | None = TEMPLATE


def run_rounds(scene: Scene, scale: Scale, entrants: Sequence[Entrant]) -> Mapping[str, list[Drained]]:
    """What became of the drains of each entrant, by its name, after a smaller round that does not count."""
    found: dict[str, list[Drained]] = {entrant.name: [] for entrant in entrants}
    shares = [1.0] * scale.runs
    for share in [scale.warm_up_share, *shares] if scale.warm_up_share else shares:
        for entrant in entrants:
            with scene.stage(template=entrant.template) as stage:
                drained = entrant.work(stage, round(entrant.tasks * share))
            if share == 1:
                found[entrant.name].append(drained)
                print(f"  … {entrant.name}: {shown_number(drained.rate)} tasks/s", flush=True)
    return found


def rates(name: str, drained: Sequence[Drained], *, chart: str, **details: Any) -> Figure:  # noqa: ANN401 - JSON
    """The rates of an entrant as a figure."""
    wall = [round(one.wall_seconds, 3) for one in drained]
    more = {"tasks": drained[0].tasks, "wall_seconds": wall, "worker_bytes": [one.worker_bytes for one in drained]}
    runs = [one.rate for one in drained]
    return Figure(name=name, unit="tasks/s", runs=runs, chart=chart, details=more | details)


def compared(
    name: str, drained: Sequence[Drained], others: Sequence[Drained], *, unit: str = "times", factor: float = 1
) -> Figure:
    """What the rate of one is to that of another, round by round."""
    runs = [factor * one.rate / other.rate for one, other in zip(drained, others, strict=True)]
    return Figure(name=name, unit=unit, runs=runs)
