"""Whether a new schema takes all that an old one took, and gives nothing that the old one did not give."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_LEAST = {"minLength": 0, "minItems": 0, "minProperties": 0, "minimum": -math.inf, "exclusiveMinimum": -math.inf}
_MOST = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_FORMS = ("pattern", "format", "multipleOf", "uniqueItems")
_ANY = "anything"

_Compare: TypeAlias = Callable[[Schema, Schema, str], Iterator[str]]


class Schemas:
    """The schemas of two documents. Methods tell what breaks between two of them, `place` saying where they stand."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old.get("components", {}).get("schemas", {})
        self._new = new.get("components", {}).get("schemas", {})
        self._under_way: set[tuple[str, str, str]] = set()

    def taken(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        """What the service took and takes no longer."""
        if self._enters("taken", old, new):
            now = list(_alternatives(new, self._new))
            for before in _alternatives(old, self._old):
                fitting = [one for one in now if _takes_kind(_kind(one), _kind(before))]
                if fitting:
                    yield from _fewest(self._taken_alternative, [(before, one) for one in fitting], place)
                else:
                    yield f"{place}: {_kind(before)} is no longer taken."
            self._leaves("taken", old, new)

    def given(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        """What the service gives, and a client does not expect or misses."""
        if self._enters("given", old, new):
            before = list(_alternatives(old, self._old))
            for now in _alternatives(new, self._new):
                fitting = [one for one in before if _takes_kind(_kind(one), _kind(now))]
                if fitting:
                    yield from _fewest(self._given_alternative, [(one, now) for one in fitting], place)
                else:
                    yield f"{place}: may be {_kind(now)} now."
            self._leaves("given", old, new)

    def _taken_alternative(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        yield from _narrowed_values(old, new, place)
        yield from _narrowed_bounds(old, new, place)
        for name, field in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{place}: the field {name} is gone."
            else:
                yield from self.taken(field, new["properties"][name], f"{place}, field {name}")
        for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
            known = name in old.get("properties", {})
            yield (
                f"{place}: the field {name} became required."
                if known
                else f"{place}: the new field {name} is required."
            )
        if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
            yield f"{place}: unknown fields are no longer taken."
        yield from self._parts(self.taken, old, new, place)

    def _given_alternative(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        fields = new.get("properties", {})
        for name, field in old.get("properties", {}).items():
            if name not in fields:
                yield f"{place}: the field {name} is gone."
            else:
                if name in old.get("required", []) and name not in new.get("required", []):
                    yield f"{place}: the field {name} may be missing now."
                yield from self.given(field, fields[name], f"{place}, field {name}")
        yield from self._parts(self.given, old, new, place)

    def _parts(self, compare: _Compare, old: Schema, new: Schema, place: str) -> Iterator[str]:
        for word, part in (("items", "items"), ("additionalProperties", "values")):
            if isinstance(old.get(word), Mapping) and isinstance(new.get(word), Mapping):
                yield from compare(old[word], new[word], f"{place}, {part}")

    def _enters(self, way: str, old: Schema, new: Schema) -> bool:
        """Whether these two are not being compared already: schemas may hold themselves."""
        key = (way, old.get("$ref", ""), new.get("$ref", ""))
        if "" in key:
            return True
        if key in self._under_way:
            return False
        self._under_way.add(key)
        return True

    def _leaves(self, way: str, old: Schema, new: Schema) -> None:
        self._under_way.discard((way, old.get("$ref", ""), new.get("$ref", "")))


def _alternatives(schema: Schema, schemas: Mapping[str, Schema]) -> Iterator[Schema]:
    """What a value may be: one schema for each choice and each type."""
    if "$ref" in schema:
        beside = {word: value for word, value in schema.items() if word != "$ref"}
        yield from _alternatives({**schemas[schema["$ref"].rpartition("/")[2]], **beside}, schemas)
    elif choices := schema.get("anyOf") or schema.get("oneOf"):
        for choice in choices:
            yield from _alternatives(choice, schemas)
    elif isinstance(schema.get("type"), list):
        for kind in schema["type"]:
            yield {**schema, "type": kind}
    else:
        yield schema


def _kind(schema: Schema) -> str:
    return str(schema.get("type", _ANY))


def _takes_kind(taker: str, kind: str) -> bool:
    return taker in {_ANY, kind} or (taker, kind) == ("number", "integer")


def _fewest(compare: _Compare, pairs: list[tuple[Schema, Schema]], place: str) -> list[str]:
    """The changes of the pair that fits best."""
    return min((list(compare(old, new, place)) for old, new in pairs), key=len)


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _narrowed_values(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, now = _values(old), _values(new)
    if now is None:
        return
    if before is None:
        yield f"{place}: takes only {', '.join(map(str, now))} now."
        return
    for value in before:
        if value not in now:
            yield f"{place}: the value {value} is no longer taken."


def _narrowed_bounds(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for word, nothing in _LEAST.items():
        if new.get(word, nothing) > old.get(word, nothing):
            yield f"{place}: {word} is {new[word]}, {_was(old, word)}."
    for word in _MOST:
        if new.get(word, math.inf) < old.get(word, math.inf):
            yield f"{place}: {word} is {new[word]}, {_was(old, word)}."
    for word in _FORMS:
        if new.get(word) and new[word] != old.get(word):
            yield f"{place}: {word} is {new[word]}, {_was(old, word)}."


def _was(old: Schema, word: str) -> str:
    return f"was {old[word]}" if word in old else "was not set"
