"""Groups of commands: their modules are loaded once one of their commands is asked for, not to list the groups."""

from collections.abc import MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from typer._click import Command

GROUPS = {
    "tasks": "Tasks: create, look at, steer, wait for.",
    "events": "Events: what happens to tasks, as it happens.",
    "queues": "Queues: what waits, and holding it up.",
    "workers": "Workers: who does the work, and orders to them. `narad worker` starts one.",
    "handlers": "Handlers: what can be asked for, and what modules hold.",
    "bulk": "Bulk operations, as `narad tasks cancel` and `retry` order them by filters.",
    "keys": "API keys. These commands work on the database, with the secret that the service has.",
    "config": "The settings that the service would have here.",
    "profile": "Profiles: services by name, in narad/config.toml under your configuration folder.",
}
"""The groups by name, which is the module in this package that has the commands of the group in its `app`."""


def add_groups(app: typer.Typer) -> None:
    """Add every group to the commands of an app."""
    for name, text in GROUPS.items():
        kind = type(f"Group_{name}", (_Group,), {"home": f"{__package__}.{name}"})
        app.add_typer(typer.Typer(cls=kind, name=name, help=text, no_args_is_help=True, rich_markup_mode=None))


class _Group(TyperGroup):
    """A group that gets its commands from a module when they are first looked at."""

    home: ClassVar[str]
    _loaded: "MutableMapping[str, Command] | None"

    @property  # type: ignore[explicit-override] # which mypy does not see on a property that can be set
    def commands(self) -> "MutableMapping[str, Command]":
        if self._loaded is None:
            app: typer.Typer = import_module(self.home).app
            self._loaded = get_group(app).commands
        return self._loaded

    @commands.setter
    def commands(self, found: "MutableMapping[str, Command]") -> None:
        self._loaded = found or None  # Typer finds none in the app that stands for the group
