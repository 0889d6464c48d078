"""What people write on a command line, read into what the API takes."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from narad.cli.exits import ExitCode
from narad.cli.failure import Failure

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds(text: str, option: str) -> float:
    """A length of time: `90`, `90s`, `10m`, `24h`, `7d`, `2w`."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise Failure(f"{option}: {text!r} is no length of time; write 90s, 10m, 24h, 7d or 2w.", ExitCode.USAGE)
    return float(found[1]) * _SECONDS[found[2] or "s"]


def bound(text: str | None, option: str) -> str | None:
    """An end of a span of time: an age, `24h`, or a moment, of the zone of this machine unless it says another."""
    if text is None:
        return None
    age = text.removeprefix("-")
    if _LENGTH.fullmatch(age):
        return f"-{age}" if age[-1].isalpha() else f"-{age}s"
    return _moment(text, option).isoformat()


def start(at: str | None, delay: str | None) -> str | None:
    """When a task may start: at a moment, or after a length of time from now."""
    if at is not None and delay is not None:
        raise Failure("--run-at and --in say the same in two ways; give one of them.", ExitCode.USAGE)
    if delay is not None:
        return (datetime.now(UTC) + timedelta(seconds=seconds(delay, "--in"))).isoformat()
    return None if at is None else _moment(at, "--run-at").isoformat()


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "write 24h, 2026-01-31 or 2026-01-31T08:00:00Z"
        raise Failure(f"{option}: {text!r} is no time; {hint}.", ExitCode.USAGE) from None
    return moment if moment.tzinfo else moment.astimezone()


def payload(inline: str | None, file: str | None, pairs: Sequence[str]) -> dict[str, Any] | None:
    """The payload from `-i`, `-f` or `-F`; None where none is given."""
    if sum((inline is not None, file is not None, bool(pairs))) > 1:
        raise Failure("The payload is given twice; use one of -i, -f and -F.", ExitCode.USAGE)
    if pairs:
        return dict(_pair(pair) for pair in pairs)
    if inline is None and file is None:
        return None
    value = document(inline, file)
    if not isinstance(value, dict):
        raise Failure("The payload is no JSON object; write it as '{\"name\": value}'.", ExitCode.USAGE)
    return value


def document(inline: str | None, file: str | None) -> Any:  # noqa: ANN401 - JSON
    """The JSON of `-i`, or of the file of `-f`; `-` is standard input. None where neither is given."""
    if inline is None and file is None:
        return None
    text, place = (inline, "-i") if inline is not None else (text_of(file or "-", "-f"), f"-f {file}")
    try:
        return json.loads(text or "")
    except ValueError as error:
        raise Failure(f"{place}: this is not JSON: {error}.", ExitCode.USAGE) from None


def ids(given: Iterable[str]) -> list[str]:
    """Ids as they are given; `-` stands for those on standard input, one a line."""
    found: list[str] = []
    for one in given:
        found += sys.stdin.read().split() if one == "-" else [one]
    return found


def text_of(file: str, option: str) -> str:
    """What is in a file; `-` is standard input."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{option} {file}: cannot be read: {error}.", ExitCode.USAGE) from None


def _pair(text: str) -> tuple[str, Any]:
    """`name=value`: what reads as JSON is JSON, everything else a text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise Failure(f"-F {text!r}: write name=value.", ExitCode.USAGE)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
