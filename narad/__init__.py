"""Narad, an asynchronous task service. The names below are the public ones; each is loaded on first use."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narad.client.async_client import AsyncClient as AsyncClient
    from narad.client.client import Client as Client
    from narad.worker.context import Context as Context
    from narad.worker.current import current_context as current_context
    from narad.worker.handler import Handler as Handler
    from narad.worker.handler import handler as handler
    from narad.worker.lifespan import Lifespan as Lifespan
    from narad.worker.lifespan import Resource as Resource
    from narad.worker.lifespan import lifespan as lifespan
    from narad.worker.signals import Fatal as Fatal
    from narad.worker.signals import Retry as Retry
    from narad.worker.signals import Snooze as Snooze
    from narad.worker.signals import SpawnError as SpawnError
    from narad.worker.signals import TaskCancelled as TaskCancelled

__version__ = "0.1.0"

_HOMES = {
    "AsyncClient": "narad.client.async_client",
    "Client": "narad.client.client",
    "Context": "narad.worker.context",
    "Fatal": "narad.worker.signals",
    "Handler": "narad.worker.handler",
    "Lifespan": "narad.worker.lifespan",
    "Resource": "narad.worker.lifespan",
    "Retry": "narad.worker.signals",
    "Snooze": "narad.worker.signals",
    "SpawnError": "narad.worker.signals",
    "TaskCancelled": "narad.worker.signals",
    "current_context": "narad.worker.current",
    "handler": "narad.worker.handler",
    "lifespan": "narad.worker.lifespan",
}

__all__ = [
    "AsyncClient",
    "Client",
    "Context",
    "Fatal",
    "Handler",
    "Lifespan",
    "Resource",
    "Retry",
    "Snooze",
    "SpawnError",
    "TaskCancelled",
    "__version__",
    "current_context",
    "handler",
    "lifespan",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, so that `import narad` costs next to nothing."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'narad' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(home), name)
