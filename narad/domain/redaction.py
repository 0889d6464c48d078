"""Places in a payload that are for its handler alone."""

from collections.abc import Iterable, Mapping, Sequence

from narad.domain.task import Json, JsonObject


def redacted(payload: JsonObject, paths: Iterable[str]) -> tuple[JsonObject, tuple[str, ...]]:
    """The payload with null at these paths, and those of them that are in it.

    The names along a path are separated by dots; a list on the way stands for each of its items.
    """
    found = []
    for path in paths:
        changed = _without(payload, path.split("."))
        if changed is not payload and isinstance(changed, Mapping):
            payload = changed
            found.append(path)
    return payload, tuple(found)


def _without(value: Json, names: Sequence[str]) -> Json:
    """The value with null in that place; the very same value where there is no such place."""
    if not names:
        return None
    if isinstance(value, Mapping) and names[0] in value:
        inner = value[names[0]]
        changed = _without(inner, names[1:])
        return value if changed is inner and inner is not None else {**value, names[0]: changed}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_without(item, names) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
