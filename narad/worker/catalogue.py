"""Finding handlers in the modules a worker is given, and describing them for the catalogue."""

import hashlib
import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from narad.errors import ConfigurationError
from narad.store.catalogue import CatalogueEntry
from narad.worker.handler import AnyHandler, Handler


def load_handlers(modules: Sequence[str]) -> Mapping[str, AnyHandler]:
    """Import modules and collect the handlers in their namespaces, by name.

    Raises:
        ConfigurationError: a module cannot be imported, holds no handler, or two handlers have one name.
    """
    found: dict[str, AnyHandler] = {}
    for name in modules:
        handlers = list(_handlers_in(_import(name)))
        if not handlers:
            raise ConfigurationError(f"Module {name} holds no handler: decorate a function with @handler.")
        for handler in handlers:
            other = found.setdefault(handler.name, handler)
            if other is not handler:
                raise ConfigurationError(
                    f"Two handlers are called {handler.name}: {other.place} and {handler.place}. Rename one."
                )
    return found


def describe(handlers: Iterable[AnyHandler]) -> list[CatalogueEntry]:
    """The catalogue's entries for handlers."""
    return [_entry(handler) for handler in handlers]


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ConfigurationError(f"Module {name} cannot be imported: {type(error).__name__}: {error}.") from error


def _handlers_in(module: ModuleType) -> Iterable[AnyHandler]:
    seen = set()
    for value in vars(module).values():
        if isinstance(value, Handler) and id(value) not in seen:
            seen.add(id(value))
            yield value


def _entry(handler: AnyHandler) -> CatalogueEntry:
    signature = handler.signature
    shape = {
        "queue": handler.options.queue,
        "options": handler.options.as_json(),
        "payload": signature.payload_schema,
        "result": signature.result_schema,
    }
    fingerprint = hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return CatalogueEntry(
        name=handler.name,
        fingerprint=fingerprint,
        queue=handler.options.queue,
        title=handler.title,
        description=handler.description,
        payload_schema=signature.payload_schema,
        result_schema=signature.result_schema,
        options=handler.options.as_json(),
    )
