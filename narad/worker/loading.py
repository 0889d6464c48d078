"""Finding handlers in the modules a worker is given. The process of an isolated handler needs this and no store."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from narad.errors import ConfigurationError
from narad.worker.handler import AnyHandler, Handler
from narad.worker.lifespan import AnyLifespan, Lifespan
from narad.worker.words import message_of


def load_handlers(modules: Sequence[str], given: Iterable[AnyHandler] = ()) -> Mapping[str, AnyHandler]:
    """Import modules and collect the handlers in their namespaces, and those `given`, by name.

    Raises:
        ConfigurationError: a module cannot be imported, holds no handler, or two handlers have one name.
    """
    found: dict[str, AnyHandler] = {}
    for name in modules:
        module = _import(name)
        handlers = list(handlers_in(module))
        if not handlers and not _lifespans_in(module):
            raise ConfigurationError(f"Module {name} holds no handler: decorate a function with @handler.")
        for handler in handlers:
            _add(found, handler)
            handler.home = name
    for handler in given:
        _add(found, handler)
    return found


def _add(found: dict[str, AnyHandler], handler: AnyHandler) -> None:
    other = found.setdefault(handler.name, handler)
    if other is not handler:
        raise ConfigurationError(
            f"Two handlers are called {handler.name}: {other.place} and {handler.place}. Rename one."
        )


def load_handler(module: str, name: str) -> AnyHandler:
    """Import a module and find one handler in it.

    Raises:
        ConfigurationError: the module cannot be imported, or does not hold that handler.
    """
    for handler in handlers_in(_import(module)):
        if handler.name == name:
            return handler
    raise ConfigurationError(f"Module {module} does not hold the handler {name}.")


def load_lifespans(modules: Sequence[str]) -> Mapping[str, Sequence[AnyLifespan]]:
    """Import modules and collect the lifespans in their namespaces, by module.

    Raises:
        ConfigurationError: a module cannot be imported.
    """
    return {name: _lifespans_in(_import(name)) for name in modules}


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        message = f"Module {name} cannot be imported: {type(error).__name__}: {message_of(error)}."
        raise ConfigurationError(message) from error


def handlers_in(module: ModuleType) -> Iterable[AnyHandler]:
    """The handlers in the namespace of a module, each once."""
    seen = set()
    for value in list(vars(module).values()):
        if isinstance(value, Handler) and id(value) not in seen:
            seen.add(id(value))
            yield value


def _lifespans_in(module: ModuleType) -> Sequence[AnyLifespan]:
    found = {id(value): value for value in list(vars(module).values()) if isinstance(value, Lifespan)}
    return tuple(found.values())
