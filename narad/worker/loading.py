"""Finding handlers in the modules a worker is given. The process of an isolated handler needs this and no store."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from narad.errors import ConfigurationError
from narad.worker.handler import AnyHandler, Handler
from narad.worker.words import message_of


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
            handler.home = name
    return found


def load_handler(module: str, name: str) -> AnyHandler:
    """Import a module and find one handler in it.

    Raises:
        ConfigurationError: the module cannot be imported, or does not hold that handler.
    """
    for handler in _handlers_in(_import(module)):
        if handler.name == name:
            return handler
    raise ConfigurationError(f"Module {module} does not hold the handler {name}.")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        message = f"Module {name} cannot be imported: {type(error).__name__}: {message_of(error)}."
        raise ConfigurationError(message) from error


def _handlers_in(module: ModuleType) -> Iterable[AnyHandler]:
    seen = set()
    for value in list(vars(module).values()):
        if isinstance(value, Handler) and id(value) not in seen:
            seen.add(id(value))
            yield value
