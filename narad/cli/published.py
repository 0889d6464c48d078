"""What the service knows of handlers: those that workers have published."""

from typing import Annotated

import typer

from narad.cli.columns import Column, Kind
from narad.cli.session import Session

COLUMNS = (
    Column("name", "name"),
    Column("offered", "offered"),
    Column("queue", "queue"),
    Column("title", "title", spare=True),
    Column("seen", "last_seen_at", Kind.TIME, spare=True),
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a handler.")]


def list_published(session: Session) -> None:
    """Print the handlers that workers have published."""
    session.out.rows(session.get("/handlers")["items"], COLUMNS, key="name")


def show_published(session: Session, name: str) -> None:
    """Print one of them, with its schemas."""
    session.out.one(session.get(f"/handlers/{session.service.part(name)}"), key="name", columns=COLUMNS)
