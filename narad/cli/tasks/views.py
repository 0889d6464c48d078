"""A task on its way: as a live bar on a terminal, as a few lines elsewhere."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from narad.cli.columns import Shown, TimeFormat, duration, moment, printable, utc_now
from narad.cli.output import Printer
from narad.cli.tasks.following import View

if TYPE_CHECKING:
    from rich.progress import TaskID

_STEP = 0.1
_ENOUGH_SAMPLES = 3
_STYLES = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red"}


def view_for(out: Printer) -> View:
    """The view that suits what standard error is connected to."""
    return LiveView(out) if out.talks_to_terminal and not out.look.quiet else PlainView(out)


def line_text(line: Shown, times: TimeFormat) -> str:
    """A log line as people read it."""
    return f"{moment(line['at'], times, utc_now())} {line['level']:<7} {printable(line['message'])}"


class PlainView(View):
    """Lines: each new status, every tenth of the way, and what the task logs."""

    def __init__(self, out: Printer) -> None:
        self._out = out
        self._status: str | None = None
        self._attempt = 0
        self._tenth = 0

    @override
    def show(self, task: Shown) -> None:
        if task["status"] != self._status:
            self._status = task["status"]
            self._out.say(f"{self._status}  {printable(task['name'])}")
        if task["attempt"] != self._attempt:
            self._attempt, self._tenth = task["attempt"], 0
        progress = task["progress"]
        tenth = int(progress["value"] / _STEP + 1e-9) if progress else 0
        if tenth > self._tenth:
            self._tenth = tenth
            self._out.say(f"{tenth * 10}%  {printable(progress['message'] or '')}".rstrip())

    @override
    def tell(self, lines: Sequence[Shown]) -> None:
        print_lines(self._out, lines)

    @override
    def close(self, last: str | None) -> None:
        if last is not None:
            self._out.say(last)


def print_lines(out: Printer, lines: Sequence[Shown]) -> None:
    """Log lines are the data of a watch, unless the task is asked for; then they are talk."""
    for line in lines:
        text = line_text(line, TimeFormat.ISO if not out.look.terminal else TimeFormat.LOCAL)
        (out.text if out.look.is_table else out.say)(text)


class LiveView(View):
    """One line that changes: a spinner before the start, then a bar, and log lines that pass above it."""

    def __init__(self, out: Printer) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415 - a terminal needs it

        self._out = out
        self._console = out.console(err=True)
        self._progress: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[percent]}", markup=False),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._samples: list[tuple[float, float]] = []
        self._attempt = 0
        self._bar: TaskID = self._progress.add_task("", total=None, status="", percent="", left="")
        self._progress.start()

    @override
    def show(self, task: Shown) -> None:
        if task["attempt"] != self._attempt:
            self._attempt = task["attempt"]
            self._samples.clear()
        progress = task["progress"] if task["status"] == "IN_PROGRESS" else None
        value = progress["value"] if progress else None
        if value is not None and (not self._samples or self._samples[-1][1] != value):
            self._samples.append((time.monotonic(), value))
        self._progress.update(
            self._bar,
            total=None if value is None else 1.0,
            completed=value or 0.0,
            description=printable((progress and progress["message"]) or task["name"]),
            status=task["status"],
            percent="" if value is None else f"{value:.0%}",
            left=remaining(self._samples),
        )

    @override
    def tell(self, lines: Sequence[Shown]) -> None:
        if not self._out.look.terminal or not self._out.look.is_table:
            print_lines(self._out, lines)
            return
        for line in lines:
            style = _STYLES.get(line["level"], "") if self._out.look.colour else ""
            self._progress.console.print(line_text(line, TimeFormat.LOCAL), style=style, markup=False)

    @override
    def close(self, last: str | None) -> None:
        self._progress.stop()
        if last is not None:
            self._out.say(last)


def remaining(samples: Sequence[tuple[float, float]]) -> str:
    """How long it may still take, once there are enough samples to tell."""
    if len(samples) < _ENOUGH_SAMPLES:
        return ""
    (begin, first), (end, last) = samples[0], samples[-1]
    if last <= first or last >= 1:
        return ""
    return f"{duration((1 - last) * (end - begin) / (last - first))} left"
