"""Columns of what is listed: which field each shows, and how it is written for people and for programs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

Shown: TypeAlias = Mapping[str, Any]
"""One thing as the API shows it."""

EMPTY = "-"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_PRINTABLE_FROM = 0x20
_DELETE, _LAST_CONTROL = 0x7F, 0x9F


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    TIME = "time"
    STATUS = "status"
    COUNT = "count"
    PERCENT = "percent"
    SECONDS = "seconds"


class TimeFormat(StrEnum):
    """How times are written in tables."""

    AUTO = "auto"
    ISO = "iso"
    RELATIVE = "relative"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Column:
    """A field, `error.type` for one within another, under a name."""

    name: str
    path: str
    kind: Kind = Kind.TEXT
    spare: bool = False
    """Whether a narrow terminal can do without it."""

    def pick(self, item: Shown) -> object:
        """The value of the field, None where there is none."""
        value: object = item
        for step in self.path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return value


def plain(value: object) -> str:
    """A value in one line for programs: nothing is left out, and nothing is empty."""
    if value is None:
        return EMPTY
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return printable(",".join(map(str, value))) or EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping | list):
        return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value)) or EMPTY


def written(column: Column, item: Shown, times: TimeFormat, now: datetime) -> str:
    """The cell of a column, as tables have it."""
    value = column.pick(item)
    if value is None:
        return EMPTY
    if column.kind is Kind.TIME and isinstance(value, str):
        return moment(value, times, now)
    if column.kind is Kind.COUNT and isinstance(value, Mapping):
        return f"{value['value']}{'+' if value.get('relation') == 'gte' else ''}"
    if column.kind is Kind.PERCENT and isinstance(value, int | float):
        return f"{value:.0%}"
    if column.kind is Kind.SECONDS and isinstance(value, int | float):
        return duration(value)
    return plain(value)


def exact(column: Column, item: Shown) -> str:
    """The cell of a column for programs that reckon: nothing is rounded, what is not there is empty."""
    value = column.pick(item)
    if column.kind is Kind.COUNT and isinstance(value, Mapping):
        value = value["value"]
    return "" if value is None else plain(value)


def moment(value: str, times: TimeFormat, now: datetime) -> str:
    """A time as asked for; what is no time stays as it is."""
    if times is TimeFormat.ISO:
        return value
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return printable(value)
    if times is TimeFormat.LOCAL:
        return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return relative((now - at).total_seconds())


def relative(seconds: float) -> str:
    """How long ago, or in how long, in one unit."""
    size = abs(seconds)
    if size < 1:
        return "now"
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if size >= length:
            text = f"{size // length:.0f} {unit}"
            break
    else:
        text = f"{size:.0f} s"
    return f"{text} ago" if seconds > 0 else f"in {text}"


def duration(seconds: float) -> str:
    """A length of time for people: `250 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`."""
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"


def printable(text: str) -> str:
    """The text without what would steer a terminal: names and messages are written by others."""
    return "".join("�" if _steers(ord(character)) else character for character in text)


def _steers(code: int) -> bool:
    return code < _PRINTABLE_FROM or _DELETE <= code <= _LAST_CONTROL


def utc_now() -> datetime:
    """The time, for relative times."""
    return datetime.now(UTC)
