"""`narad events`: what happens, as it happens."""

from fnmatch import fnmatchcase
from itertools import islice
from typing import Annotated

import typer

from narad.cli.columns import Column, Kind
from narad.cli.command import command, group
from narad.cli.output import Output
from narad.cli.session import Session
from narad.cli.tasks.filters import Status

COLUMNS = (
    Column("at", "timestamp", Kind.TIME),
    Column("type", "type"),
    Column("task", "data.id"),
    Column("status", "data.status", Kind.STATUS),
    Column("handler", "data.handler"),
    Column("attempt", "data.attempt"),
)

app = group()


@app.callback()
def events() -> None:
    """Events: what happens to tasks, as it happens."""


@command(
    app,
    "narad events tail",
    "narad events tail --type 'task.failed' --type 'task.cancel*'",
    "narad events tail --task 0193b7c2-… -n 5",
)
def tail(
    session: Session,
    types: Annotated[list[str] | None, typer.Option("--type", help="Of this type; * stands for anything.")] = None,
    tasks: Annotated[list[str] | None, typer.Option("--task", help="Of the task with this id.")] = None,
    status: Annotated[
        list[Status] | None, typer.Option("--status", "-s", case_sensitive=False, help="That led to this status.")
    ] = None,
    number: Annotated[int | None, typer.Option("--number", "-n", min=1, help="End after so many.")] = None,
) -> None:
    """Print events as JSON, one a line, until Ctrl-C. They are hints: read the task to learn where it stands."""
    query = {"task_id": tasks, "status": status}
    wanted = (
        event
        for event in session.service.events("/events", query, lasting=True)
        if not types or any(fnmatchcase(str(event["type"]), pattern) for pattern in types)
    )
    form = Output.JSONL if session.out.look.output in {Output.TABLE, Output.JSON} else session.out.look.output
    session.out.like(form).rows(islice(wanted, number), COLUMNS, key="type")
