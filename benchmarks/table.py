"""The results as one Markdown page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.figures import Figure, shown_number
from benchmarks.plots import chart_file
from benchmarks.results import Result

_INTRODUCTION = """\
# Results

Made by `make bench`; each case is replaced when it is run again. Absolute figures belong to the machine that stands
beside them; ratios within a case are what carries over. A figure is the median of its runs, with the extremes beside
it; the JSON files have every run, the settings and the versions.
"""
_HEAD = "| what | median | least | most | runs | |\n|---|--:|--:|--:|--:|---|\n"


def write(results: Sequence[Result], directory: Path) -> None:
    """Write the page `README.md` of a directory of results."""
    pages = [_INTRODUCTION, *(_section(result) for result in results)]
    (directory / "README.md").write_text("\n".join(pages))


def _section(result: Result) -> str:
    machine = result.machine
    where = (
        f"{result.ran_at}, revision {machine['revision']}{' with changes' if machine['changed'] else ''}: "
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB; Python {machine['python']}, "
        f"PostgreSQL {machine['postgresql']}, RabbitMQ {machine['rabbitmq']}"
    )
    charts = dict.fromkeys(figure.chart for figure in result.figures if figure.chart)
    pictures = "".join(f"![{chart}]({chart_file(chart)})\n" for chart in charts)
    return f"## {result.case}\n\n{where}\n\n{_HEAD}{''.join(_rows(result.figures))}\n{pictures}"


def _rows(figures: Iterable[Figure]) -> Iterable[str]:
    for figure in figures:
        cells = [figure.median, min(figure.runs), max(figure.runs)]
        shown = " | ".join(f"{shown_number(cell)} {figure.unit}".strip() for cell in cells)
        yield f"| {figure.name} | {shown} | {len(figure.runs)} | {_note(figure)} |\n"


def _note(figure: Figure) -> str:
    return str(figure.details.get("note", ""))
