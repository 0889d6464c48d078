"""What of a new OpenAPI document breaks clients that were written for an old one, in words.

Requests may be taken more freely, answers may hold more; not the other way round. Descriptions do not count.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from tests.support.openapi_schemas import Schema, Schemas

Document: TypeAlias = Mapping[str, Any]
Operation: TypeAlias = Mapping[str, Any]
Compare: TypeAlias = Callable[[Schema, Schema, str], Iterator[str]]


def breaking_changes(old: Document, new: Document) -> list[str]:
    """Every change that breaks, each said once."""
    return list(dict.fromkeys(_Comparison(old, new).changes()))


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old = old
        self._new = new
        self._schemas = Schemas(old, new)

    def changes(self) -> Iterator[str]:
        now = _operations(self._new)
        for name, before in _operations(self._old).items():
            if name in now:
                yield from self._operation(name, before, now[name])
            else:
                yield f"{name} is gone."

    def _operation(self, name: str, old: Operation, new: Operation) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{name}: the operationId {old.get('operationId')} became {new.get('operationId')}."
        yield from self._parameters(name, old, new)
        yield from self._body(name, old.get("requestBody"), new.get("requestBody"))
        for status, before in old["responses"].items():
            if status not in new["responses"]:
                yield f"{name}: the status {status} is gone."
            else:
                now = _resolved(new["responses"][status], self._new)
                yield from self._answer(f"{name}, answer {status}", _resolved(before, self._old), now)

    def _parameters(self, name: str, old: Operation, new: Operation) -> Iterator[str]:
        before, now = _parameters(old, self._old), _parameters(new, self._new)
        for key, parameter in before.items():
            place = f"the {key[0]} parameter {key[1]}"
            if key not in now:
                yield f"{name}: {place} is gone."
                continue
            if now[key].get("required") and not parameter.get("required"):
                yield f"{name}: {place} became required."
            yield from self._schemas.taken(parameter["schema"], now[key]["schema"], f"{name}, {place}")
        for key in now.keys() - before.keys():
            if now[key].get("required"):
                yield f"{name}: the new {key[0]} parameter {key[1]} is required."

    def _body(self, name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
        if old is None or new is None:
            if old is not None:
                yield f"{name}: the body is gone."
            elif new is not None and new.get("required"):
                yield f"{name}: a body became required."
            return
        if new.get("required") and not old.get("required"):
            yield f"{name}: the body became required."
        yield from self._content(f"{name}, body", old, new, self._schemas.taken)

    def _answer(self, place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        for header in old.get("headers", {}):
            if header not in new.get("headers", {}):
                yield f"{place}: the header {header} is gone."
        yield from self._content(place, old, new, self._schemas.given)

    def _content(self, place: str, old: Mapping[str, Any], new: Mapping[str, Any], compare: Compare) -> Iterator[str]:
        for media_type, before in old.get("content", {}).items():
            now = new.get("content", {}).get(media_type)
            if now is None:
                yield f"{place}: the media type {media_type} is gone."
            else:
                yield from compare(before.get("schema", {}), now.get("schema", {}), place)


def _operations(document: Document) -> dict[str, Operation]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _parameters(operation: Operation, document: Document) -> dict[tuple[str, str], Mapping[str, Any]]:
    parameters = [_resolved(parameter, document) for parameter in operation.get("parameters", [])]
    return {(parameter["in"], parameter["name"]): parameter for parameter in parameters}


def _resolved(part: Mapping[str, Any], document: Document) -> Mapping[str, Any]:
    found: Any = part
    while "$ref" in found:
        reference = found["$ref"]
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    resolved: Mapping[str, Any] = found
    return resolved
