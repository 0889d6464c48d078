"""A form out of the JSON Schema of a handler: which fields it has, and the payload that they stand for.

What a field cannot show (lists, free objects, alternatives) is written as JSON in a field of its own; a schema without
properties gets no fields at all, and its payload is JSON as a whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from narad.domain.task import Json, JsonObject

Kind: TypeAlias = Literal["text", "long", "integer", "number", "boolean", "choice", "json"]

ROOT: Final = "payload"
_DEEPEST: Final = 3
_MOST_FIELDS: Final = 100
_LONG_TEXT: Final = 200


class NotJsonError(ValueError):
    """A field holds no JSON; says in which line and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the form. `name` is also the pointer that errors of the payload have, without its `#/`."""

    name: str
    path: tuple[str, ...]
    label: str
    kind: Kind
    required: bool
    hint: str
    default: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None


def fields_of(schema: JsonObject) -> tuple[Field, ...] | None:
    """The fields of a schema; None where its payload is better written as JSON."""
    found = list(_fields(schema, _definitions(schema), (), is_needed=True))
    return tuple(found) if found and len(found) <= _MOST_FIELDS else None


def read(fields: Sequence[Field], given: Mapping[str, str]) -> dict[str, Json]:
    """The payload that the values of the fields stand for; a field that is left empty is left out.

    A value that is none of its kind stays a text, so that the schema says what is wrong with it.

    Raises:
        NotJsonError: a field of JSON holds none; its first argument is the field.
    """
    payload: dict[str, Json] = {}
    for field in fields:
        text = given.get(field.name, "")
        if not text and not (field.required and field.kind in {"text", "long"}):
            continue
        place = payload
        for key in field.path[:-1]:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                raise TypeError(field)
            place = inner
        place[field.path[-1]] = _value(field, text)
    return payload


def write(fields: Sequence[Field], payload: JsonObject) -> tuple[dict[str, str], bool]:
    """The values of the fields for a payload, and whether they say all of it, and can be shown in them."""
    given = {field.name: _text(field, _at(payload, field.path)) for field in fields}
    told = [field for field in fields if _at(payload, field.path) is not None]
    if not all(_holds(field, _at(payload, field.path)) for field in told):
        return given, False
    try:
        return given, read(told, given) == payload
    except NotJsonError:
        return given, False


def parse_json(text: str) -> Json:
    """The value that a text stands for.

    Raises:
        NotJsonError: it is no JSON.
    """
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
    return value


def _fields(schema: JsonObject, definitions: JsonObject, path: tuple[str, ...], *, is_needed: bool) -> Iterator[Field]:
    properties, needed = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping):
        return
    names = needed if isinstance(needed, Sequence) else ()
    for name, part in properties.items():
        one, here = _plain(part, definitions), (*path, name)
        required = is_needed and name in names
        if "properties" in one and len(here) < _DEEPEST and not _is_nullable(part):
            yield from _fields(one, definitions, here, is_needed=required)
        else:
            yield _field(one, here, required=required)


def _field(schema: JsonObject, path: tuple[str, ...], *, required: bool) -> Field:
    kind, choices = _kind(schema)
    default = schema.get("default")
    longest = schema.get("maxLength")
    return Field(
        name="/".join((ROOT, *(quote(part, safe="") for part in path))),
        path=path,
        label=".".join(path),
        kind=kind,
        required=required,
        hint=str(schema.get("description") or ""),
        default="" if default is None else _shown(default),
        choices=choices,
        minimum=_number(schema.get("minimum", schema.get("exclusiveMinimum"))),
        maximum=_number(schema.get("maximum", schema.get("exclusiveMaximum"))),
        longest=longest if isinstance(longest, int) else None,
    )


def _kind(schema: JsonObject) -> tuple[Kind, tuple[str, ...]]:
    values = schema.get("enum")
    if isinstance(values, Sequence) and all(isinstance(one, str) and one for one in values):
        return "choice", tuple(str(one) for one in values)
    match schema.get("type"):
        case "string":
            longest = schema.get("maxLength")
            return ("long" if isinstance(longest, int) and longest > _LONG_TEXT else "text"), ()
        case "integer":
            return "integer", ()
        case "number":
            return "number", ()
        case "boolean":
            return "boolean", ()
        case _:
            return "json", ()


def _plain(part: Json, definitions: JsonObject) -> JsonObject:
    """The schema without references, and without the alternative of null."""
    if not isinstance(part, Mapping):
        return {}
    around = {key: value for key, value in part.items() if key in {"description", "default"} and value is not None}
    for _ in range(_DEEPEST):
        part = _resolved(part, definitions)
        options = part.get("anyOf")
        if not isinstance(options, Sequence):
            break
        others = [one for one in options if isinstance(one, Mapping) and one.get("type") != "null"]
        if len(others) != 1:
            break
        part = others[0]
    return {**part, **around}


def _resolved(part: JsonObject, definitions: JsonObject) -> JsonObject:
    reference = part.get("$ref")
    if isinstance(reference, str):
        named = definitions.get(reference.removeprefix("#/$defs/"))
        return named if isinstance(named, Mapping) else {}
    return part


def _is_nullable(part: Json) -> bool:
    return isinstance(part, Mapping) and "anyOf" in part


def _definitions(schema: JsonObject) -> JsonObject:
    found = schema.get("$defs")
    return found if isinstance(found, Mapping) else {}


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(field: Field, text: str) -> Json:
    match field.kind:
        case "integer" | "number":
            return _as_number(text, whole=field.kind == "integer")
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "json":
            try:
                return parse_json(text)
            except NotJsonError as error:
                raise NotJsonError(field, str(error)) from None
        case _:
            return text


def _as_number(text: str, *, whole: bool) -> Json:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text


def _at(payload: JsonObject, path: tuple[str, ...]) -> Json:
    value: Json = payload
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _holds(field: Field, value: Json) -> bool:
    """Whether a browser keeps the value in the field: other texts than numbers and choices it drops."""
    match field.kind:
        case "integer" | "number" | "boolean":
            return not isinstance(value, str)
        case "choice":
            return value in field.choices
        case _:
            return True


def _text(field: Field, value: Json) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, indent=2) if field.kind == "json" else _shown(value)


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
