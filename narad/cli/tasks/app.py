"""The group, its commands, and what they share."""

from typing import Annotated

import typer

from narad.cli.columns import Column, Kind
from narad.cli.command import group

app = group()

COLUMNS = (
    Column("id", "id"),
    Column("name", "name"),
    Column("status", "status", Kind.STATUS),
    Column("created", "created_at", Kind.TIME, spare=True),
    Column("handler", "handler", spare=True),
    Column("progress", "progress.value", Kind.PERCENT, spare=True),
    Column("error", "error.type", spare=True),
    Column("priority", "priority", spare=True),
    Column("queue", "queue", spare=True),
    Column("finished", "finished_at", Kind.TIME, spare=True),
)

TaskId = Annotated[str, typer.Argument(metavar="ID", help="The id of a task.")]
TaskIds = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of tasks; - reads them from standard input.")]
