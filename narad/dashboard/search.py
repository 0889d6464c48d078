"""The search box: `status:failed handler:http age>1h "free text"` as parameters of the list; an id leads to its task.

What it does not know becomes a parameter all the same, so that the list tells of it as it does for any address.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

_TOKEN = re.compile(r'(?P<key>[A-Za-z_]+)(?P<sign>[:<>])(?!//)(?P<value>"[^"]*"?|\S+)|(?P<text>"[^"]*"?|\S+)')
_IS: Final = {
    **{name: name for name in ("status", "priority", "handler", "queue", "worker", "tag", "id", "name", "sort")},
    "error": "error_type",
    "type": "error_type",
    "error_type": "error_type",
    "failed": "has_error",
    "has_error": "has_error",
}
_MOMENTS: Final = ("created", "started", "finished")
_WORDS: Final = frozenset({"status", "priority"})
_LONGEST: Final = 1_000


@dataclass(slots=True)
class Search:
    """What a text asks for: a task by its id, or parameters; `text` is what is left."""

    task: UUID | None = None
    parameters: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""


def parsed(text: str, handlers: Collection[str] = ()) -> Search:
    """Read the text. A part of the names of handlers stands for all that have it."""
    text = text.strip()[:_LONGEST]
    if (task := _id(text)) is not None:
        return Search(task=task)
    found = Search()
    left: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["key"] is None:
            left.append(token["text"].strip('"'))
            continue
        value = token["value"].strip('"')
        for name, one in _meant(token["key"].lower(), token["sign"], value, handlers):
            found.parameters.setdefault(name, []).append(one)
    found.text = " ".join(part for part in left if part)
    if found.text:
        found.parameters["q"] = [found.text]
    return found


def _meant(key: str, sign: str, value: str, handlers: Collection[str]) -> list[tuple[str, str]]:
    if sign != ":":
        return [_moment(key, sign, value)]
    name = _IS.get(key, key)
    if name in _WORDS:
        return [(name, part.upper().replace("-", "_")) for part in value.split(",") if part]
    if name == "handler" and value not in handlers:
        return [(name, one) for one in sorted(handlers) if value in one] or [(name, value)]
    return [(name, value)]


def _moment(key: str, sign: str, value: str) -> tuple[str, str]:
    """An age counts back from now, so that what is older was created before."""
    if key == "age":
        return ("created_before" if sign == ">" else "created_after", f"-{value.lstrip('-')}")
    if key in _MOMENTS:
        return (f"{key}_after" if sign == ">" else f"{key}_before", value)
    return (key, value)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) >= 32 else None  # noqa: PLR2004 - the digits of an id
    except ValueError:
        return None
