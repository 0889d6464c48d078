"""What a case produces: figures, each from several runs, with their median and spread."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured quantity.

    `chart` names the picture that it belongs to, none for an empty one; figures of a chart with an `x`, of
    `x_unit`, become the points of the line `series`, the others bars.
    """

    name: str
    unit: str
    runs: Sequence[float]
    chart: str = ""
    series: str = ""
    x: float | None = None
    x_unit: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.runs)

    @property
    def spread(self) -> float:
        """The distance between the extreme runs, as a share of the median."""
        return (max(self.runs) - min(self.runs)) / self.median if self.median else 0.0


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ascending values that at least this share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The usual percentiles and the extreme of some values, in their unit."""
    ordered = sorted(values)
    named = {f"p{share * 100:g}": percentile(ordered, share) for share in (0.5, 0.95, 0.99)}
    return named | {"max": ordered[-1]}


def shown_number(value: float) -> str:
    """A number with about three digits that matter, thousands apart."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", " ")
