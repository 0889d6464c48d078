"""How values look in a page: durations, numbers, JSON with its secrets hidden. Times are drawn by a macro."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from babel.numbers import format_decimal

from narad.dashboard.languages import Language
from narad.domain.task import Json

HIDDEN: Final = "••••••"
NOTHING: Final = "\N{EN DASH}"
_SECRET = re.compile(r"password|passwd|token|secret|authorization|api_?key|credential", re.IGNORECASE)
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
LONGEST_JSON: Final = 100_000
"""Characters of JSON that a page shows; the rest is in the API."""


def masked(value: Json) -> Json:
    """The same value, with what looks like a secret hidden."""
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if _SECRET.search(key) and part is not None else masked(part) for key, part in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [masked(part) for part in value]
    return value


def unmasked(value: Json, original: Json) -> Json:
    """The same value, with what was hidden in it put back from where it was taken."""
    if isinstance(value, Mapping):
        known = original if isinstance(original, Mapping) else {}
        return {
            key: known[key]
            if part == HIDDEN and _SECRET.search(key) and key in known
            else unmasked(part, known.get(key))
            for key, part in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = original if isinstance(original, Sequence) and not isinstance(original, str) else ()
        return [unmasked(part, parts[index] if index < len(parts) else None) for index, part in enumerate(value)]
    return value


def editable(value: Json) -> str:
    """JSON to begin another from, its secrets hidden."""
    return json.dumps(masked(value), ensure_ascii=False, indent=2)


def pretty(value: Json) -> str:
    """JSON for people, its secrets hidden."""
    text = editable(value)
    return text if len(text) <= LONGEST_JSON else f"{text[:LONGEST_JSON]}\n…"


def schema(value: Json) -> str:
    """A schema, a filter or an option for people: JSON as it is, for nothing of it is anybody's secret."""
    if isinstance(value, str | int | float):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= LONGEST_JSON else f"{text[:LONGEST_JSON]}\n…"


def duration(seconds: float | None) -> str:
    """A duration in its two largest units: 250 ms, 4.2 s, 3 m 20 s, 2 h 5 m, 3 d 4 h."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - one digit before the point
    whole = int(seconds)
    for unit, name, part, of in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "m"), (_MINUTE, "m", 1, "s")):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit} {name}" + (f" {rest} {of}" if rest else "")
    return f"{whole} s"


def between(start: datetime | None, end: datetime | None) -> str:
    """The time from one moment to another."""
    return duration(None if start is None or end is None else (end - start).total_seconds())


def iso(moment: datetime) -> str:
    """A moment for programs."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def plain(moment: datetime) -> str:
    """A moment for people, where no script makes more of it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def percent(value: float) -> str:
    """A part of one in percent, rounded down: 100 % is all of it."""
    return f"{math.floor(round(value * 100, 6))} %"


def filters(language: Language) -> dict[str, Callable[..., str]]:
    """The filters of templates in a language."""

    def number(value: float) -> str:
        return str(format_decimal(value, locale=language.locale))

    def rate(value: float) -> str:
        return number(round(value, 0 if value >= 10 else 1))  # noqa: PLR2004 - one digit behind the point

    return {
        "pretty": pretty,
        "schema": schema,
        "query": urlencode,
        "duration": duration,
        "between": between,
        "iso": iso,
        "plain": plain,
        "number": number,
        "rate": rate,
        "percent": percent,
    }
