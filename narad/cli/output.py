"""Printing: standard output is data in the format asked for, standard error is talk."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from narad.cli.columns import Column, Kind, Shown, TimeFormat, exact, plain, printable, utc_now, written

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CANCELLED": "yellow",
    "IN_PROGRESS": "cyan",
    "PENDING": "blue",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
    "online": "green",
    "lost": "red",
    "draining": "yellow",
    "quiet": "yellow",
    "paused": "yellow",
    "active": "green",
    "expired": "yellow",
    "revoked": "red",
}


_GAP = 2


class Output(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    NAME = "name"
    CSV = "csv"
    NONE = "none"


class Colour(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Look:
    """How a command prints, after its options and what its output is connected to."""

    output: Output = Output.TABLE
    times: TimeFormat = TimeFormat.ISO
    terminal: bool = False
    """Whether a person reads standard output."""
    colour: bool = False
    quiet: bool = False

    @property
    def is_table(self) -> bool:
        """Whether people read it: then what matters stands alone, and programs get all."""
        return self.output is Output.TABLE

    @classmethod
    def of(
        cls, output: Output, times: TimeFormat, colour: Colour, *, quiet: bool, environment: Mapping[str, str]
    ) -> "Look":
        """What `auto` means here: the decorated form for a terminal, the plain one for everything else."""
        terminal = sys.stdout.isatty()
        able = terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        if times is TimeFormat.AUTO:
            times = TimeFormat.RELATIVE if terminal and output is Output.TABLE else TimeFormat.ISO
        coloured = colour is Colour.ALWAYS or (colour is Colour.AUTO and able)
        return cls(output, times, terminal, coloured, quiet)


class Printer:
    """Writes what a command found."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def rows(
        self, items: Iterable[Shown], columns: Sequence[Column], *, key: str = "id", cursor: str | None = None
    ) -> None:
        """A list: `key` names the field that stands for an item; `cursor` leads on from here."""
        match self.look.output:
            case Output.TABLE:
                self._table(list(items), columns)
            case Output.JSON:
                self._json({"items": list(items), "next_cursor": cursor})
            case Output.JSONL:
                for item in items:
                    self._line(_compact(item))
            case Output.NAME:
                for item in items:
                    self._line(plain(item[key]))
            case Output.CSV:
                self._csv(items, columns)
            case Output.NONE:
                for _ in items:
                    pass

    def like(self, output: Output) -> "Printer":
        """The same, but for the format."""
        return Printer(replace(self.look, output=output))

    @property
    def talks_to_terminal(self) -> bool:
        """Whether a person reads standard error."""
        return sys.stderr.isatty()

    def one(self, item: Shown, *, key: str = "id", columns: Sequence[Column] | None = None) -> None:
        """One thing, a field a line; `columns` are those of its csv, and else all of its fields are."""
        match self.look.output:
            case Output.TABLE:
                self._record(item)
            case Output.JSON:
                self._json(item)
            case Output.CSV:
                self._csv([item], columns or [Column(name, name) for name in item])
            case _:
                self.rows([item], [], key=key)

    def value(self, value: object) -> None:
        """A JSON value that is the answer itself, such as a result: never a table."""
        if self.look.output in {Output.JSONL, Output.NAME, Output.CSV}:
            self._line(_compact(value))
        elif self.look.output is not Output.NONE:
            self._json(value)

    def text(self, line: str) -> None:
        """A line that is data, where tables are asked for or a line stands for the thing."""
        if self.look.output is not Output.NONE:
            self._line(line)

    def say(self, text: str) -> None:
        """Talk, which -q keeps back."""
        if not self.look.quiet:
            typer.echo(text, err=True)

    def _record(self, item: Shown) -> None:
        now = utc_now()
        columns = [Column(name, name, _kind(name)) for name in item]
        width = max((len(column.name) for column in columns), default=0)
        for column in columns:
            text = written(column, item, self.look.times, now)
            self._line(f"{column.name:<{width}}  {self._styled(text) if column.kind is Kind.STATUS else text}")

    def table_of(self, items: Sequence[Shown], columns: Sequence[Column]) -> "Table":
        """The table that a terminal shows."""
        now = utc_now()
        rows = [[written(column, item, self.look.times, now) for column in columns] for item in items]
        kept = fitting(rows, columns, typer.get_terminal_size().columns)
        return self._decorated([[row[index] for index in kept] for row in rows], [columns[index] for index in kept])

    def _table(self, items: Sequence[Shown], columns: Sequence[Column]) -> None:
        if self.look.terminal:
            if items:
                self.console().print(self.table_of(items, columns))
            else:
                self.say("Nothing found.")
            return
        now = utc_now()
        rows = [[written(column, item, self.look.times, now) for column in columns] for item in items]
        lines = [[column.name.upper() for column in columns], *rows]
        widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
        for number, line in enumerate(lines):
            cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
            if number:
                cells = [
                    self._styled(cell) if column.kind is Kind.STATUS else cell
                    for cell, column in zip(cells, columns, strict=True)
                ]
            self._line("  ".join(cells).rstrip())

    def _decorated(self, rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> "Table":
        """For people: as wide as the terminal, ids and names whole, colour for states."""
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, pad_edge=False, header_style="bold" if self.look.colour else "")
        for index, column in enumerate(columns):
            table.add_column(column.name.upper(), no_wrap=True, overflow="ellipsis" if index else "ignore")
            if not index:  # what stands for the item is there to be copied
                table.columns[0].min_width = max((len(row[0]) for row in rows), default=0)
        for row in rows:
            table.add_row(
                *(
                    Text(cell, style=_STYLES.get(cell, "") if column.kind is Kind.STATUS else "")
                    for cell, column in zip(row, columns, strict=True)
                )
            )
        return table

    def console(self, *, err: bool = False) -> "Console":
        """A terminal to decorate, in the colours of this command."""
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

        return Console(stderr=err, no_color=not self.look.colour, highlight=False, soft_wrap=False, force_terminal=True)

    def _styled(self, text: str) -> str:
        return typer.style(text, fg=_STYLES.get(text.strip())) if self.look.colour else text

    def _csv(self, items: Iterable[Shown], columns: Sequence[Column]) -> None:
        import csv  # noqa: PLC0415 - loaded when needed

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        for item in items:
            writer.writerow([exact(column, item) for column in columns])
            sys.stdout.flush()

    def _json(self, value: object) -> None:
        import json  # noqa: PLC0415 - loaded when needed

        self._line(json.dumps(value, ensure_ascii=False, indent=2))

    def _line(self, text: str) -> None:
        typer.echo(text, color=self.look.colour or None)


def fitting(rows: Sequence[Sequence[str]], columns: Sequence[Column], width: int) -> list[int]:
    """The columns, by number, that a terminal so wide has room for; spare ones are left out from the last on."""
    needs = [max(len(column.name), *(len(row[at]) for row in rows), 0) for at, column in enumerate(columns)]
    kept = list(range(len(columns)))
    for at in reversed([at for at, column in enumerate(columns) if column.spare]):
        if sum(needs[one] + _GAP for one in kept) - _GAP <= width:
            break
        kept.remove(at)
    return kept


def _kind(name: str) -> Kind:
    if name.endswith("_at"):
        return Kind.TIME
    return Kind.STATUS if name in {"status", "state"} else Kind.TEXT


def _compact(value: object) -> str:
    import json  # noqa: PLC0415 - loaded when needed

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def clean(text: str) -> str:
    """Several lines of talk that others may have written parts of."""
    return "\n".join(map(printable, text.splitlines()))
