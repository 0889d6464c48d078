"""Narad, an asynchronous task service. The names below are the public ones; each is loaded on first use."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narad.worker.context import Context as Context
    from narad.worker.handler import Handler as Handler
    from narad.worker.handler import handler as handler
    from narad.worker.signals import Fatal as Fatal
    from narad.worker.signals import Retry as Retry
    from narad.worker.signals import Snooze as Snooze

__version__ = "0.1.0"

_HOMES = {
    "Context": "narad.worker.context",
    "Fatal": "narad.worker.signals",
    "Handler": "narad.worker.handler",
    "Retry": "narad.worker.signals",
    "Snooze": "narad.worker.signals",
    "handler": "narad.worker.handler",
}

__all__ = ["Context", "Fatal", "Handler", "Retry", "Snooze", "__version__", "handler"]


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, so that `import narad` costs next to nothing."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'narad' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(home), name)
