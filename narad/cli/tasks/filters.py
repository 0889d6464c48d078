"""Filters of tasks as options: of a list, and of bulk orders."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from narad.cli import given


class Status(StrEnum):
    """The statuses of tasks."""

    NEW = "NEW"
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Priority(StrEnum):
    """The priorities of tasks."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tasks are meant; an option that is repeated asks for either value, different options add up."""

    status: Annotated[
        list[Status] | None, typer.Option("--status", "-s", case_sensitive=False, help="With this status.")
    ] = None
    priority: Annotated[
        list[Priority] | None, typer.Option("--priority", "-p", case_sensitive=False, help="With this priority.")
    ] = None
    handler: Annotated[list[str] | None, typer.Option("--handler", "-H", help="Of this handler.")] = None
    queue: Annotated[list[str] | None, typer.Option("--queue", help="Of this queue.")] = None
    tag: Annotated[list[str] | None, typer.Option("--tag", help="With this tag.")] = None
    worker: Annotated[list[str] | None, typer.Option("--worker", help="Run by the worker with this id.")] = None
    named: Annotated[str | None, typer.Option("--name", help="With this in their name.")] = None
    search: Annotated[str | None, typer.Option("--search", help="By a part of the name, a tag or an id.")] = None
    error_type: Annotated[str | None, typer.Option("--error-type", help="With an error of this type.")] = None
    since: Annotated[str | None, typer.Option("--since", help="Created since: 24h, 7d, or a time.")] = None
    until: Annotated[str | None, typer.Option("--until", help="Created before: 24h, 7d, or a time.")] = None

    def query(self) -> dict[str, Any]:
        """The filter as the API takes it; empty where nothing was asked for."""
        asked = {
            "status": self.status,
            "priority": self.priority,
            "handler": self.handler,
            "queue": self.queue,
            "tag": self.tag,
            "worker": self.worker,
            "name": self.named,
            "q": self.search,
            "error_type": self.error_type,
            "created_after": given.bound(self.since, "--since"),
            "created_before": given.bound(self.until, "--until"),
        }
        return {name: value for name, value in asked.items() if value}
