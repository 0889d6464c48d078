"""The results as pictures: lines where figures have an x, else bars."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from benchmarks.figures import Figure
from benchmarks.results import Result

mpl.use("Agg")

_WIDTH = 9.0
_BAR_HEIGHT = 0.45
_MARGIN = 1.2
_DPI = 110


def chart_file(chart: str) -> str:
    """The file that holds a chart."""
    return f"{chart}.png"


def write(results: Sequence[Result], directory: Path) -> None:
    """Draw every chart that the figures name."""
    charts: dict[str, list[Figure]] = defaultdict(list)
    for result in results:
        for figure in result.figures:
            if figure.chart:
                charts[figure.chart].append(figure)
    for chart, figures in charts.items():
        _draw(chart, figures).savefig(directory / chart_file(chart), dpi=_DPI)


def _draw(chart: str, figures: Sequence[Figure]) -> Picture:
    lines = all(figure.x is not None for figure in figures)
    height = _WIDTH / 2 if lines else _MARGIN + _BAR_HEIGHT * len(figures)
    picture = Picture(figsize=(_WIDTH, height), layout="constrained")
    axes = picture.add_subplot()
    axes.set_title(chart.replace("_", " "))
    if lines:
        _draw_lines(axes, figures)
    else:
        _draw_bars(axes, figures)
    return picture


def _draw_lines(axes: Axes, figures: Sequence[Figure]) -> None:
    """The points stand at equal distances: what is on the x axis spans several powers of ten, and begins at 0."""
    places = sorted({figure.x or 0.0 for figure in figures})
    series: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        series[figure.series].append(figure)
    for name, points in series.items():
        medians = [point.median for point in points]
        below = [point.median - min(point.runs) for point in points]
        above = [max(point.runs) - point.median for point in points]
        xs = [places.index(point.x or 0.0) for point in points]
        axes.errorbar(xs, medians, yerr=[below, above], marker="o", capsize=3, label=name)
    axes.set_ylabel(figures[0].unit)
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(len(places)), [f"{place:,.0f}".replace(",", " ") for place in places])
    axes.set_xlabel(figures[0].x_unit)
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_bars(axes: Axes, figures: Sequence[Figure]) -> None:
    names = [figure.name for figure in figures]
    medians = [figure.median for figure in figures]
    errors = [
        [figure.median - min(figure.runs) for figure in figures],
        [max(figure.runs) - figure.median for figure in figures],
    ]
    bars = axes.barh(names, medians, xerr=errors, capsize=3)
    axes.bar_label(bars, [f"{median:,.0f}".replace(",", " ") for median in medians], padding=6)
    axes.set_xlabel(figures[0].unit)
    axes.set_xlim(right=max(medians) * 1.15)
    axes.invert_yaxis()
