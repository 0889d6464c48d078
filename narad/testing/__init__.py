"""The testing kit: handlers on their own, and whole services with a clock to be moved. Its names load on first use."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narad.testing.clock import FrozenClock as FrozenClock
    from narad.testing.env import TaskEnv as TaskEnv
    from narad.testing.env import run_handler as run_handler
    from narad.testing.outcome import AttemptFailed as AttemptFailed
    from narad.testing.outcome import Cancelled as Cancelled
    from narad.testing.outcome import Ended as Ended
    from narad.testing.service import EmbeddedService as EmbeddedService

_HOMES = {
    "AttemptFailed": "narad.testing.outcome",
    "Cancelled": "narad.testing.outcome",
    "EmbeddedService": "narad.testing.service",
    "Ended": "narad.testing.outcome",
    "FrozenClock": "narad.testing.clock",
    "TaskEnv": "narad.testing.env",
    "run_handler": "narad.testing.env",
}

__all__ = ["AttemptFailed", "Cancelled", "EmbeddedService", "Ended", "FrozenClock", "TaskEnv", "run_handler"]


def __getattr__(name: str) -> object:
    """Load a name when it is first asked for: the plugin is in every run of pytest, and costs next to nothing."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module 'narad.testing' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(home), name)
