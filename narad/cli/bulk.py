"""`narad bulk`: bulk operations."""

import time
from typing import Annotated

import typer

from narad.cli.columns import Column, Kind, Shown
from narad.cli.command import command, group
from narad.cli.session import Session

COLUMNS = (
    Column("id", "id"),
    Column("action", "action"),
    Column("status", "status", Kind.STATUS),
    Column("changed", "changed"),
    Column("missed", "missed", spare=True),
    Column("created", "created_at", Kind.TIME, spare=True),
    Column("finished", "finished_at", Kind.TIME, spare=True),
)
_PAUSE_SECONDS = 0.5

app = group()

OperationId = Annotated[str, typer.Argument(metavar="ID", help="The id of a bulk operation.")]


@command(app, "narad bulk list", "narad bulk list -o json", name="list")
def list_(session: Session) -> None:
    """List bulk operations, the newest first."""
    session.out.rows(session.get("/bulk-operations")["items"], COLUMNS)


@command(app, "narad bulk show 0193b7c2-…", "narad bulk show 0193b7c2-… -o json")
def show(session: Session, operation_id: OperationId) -> None:
    """Show how far a bulk operation has come."""
    session.out.one(session.get(f"/bulk-operations/{operation_id}"), columns=COLUMNS)


@command(app, "narad bulk wait 0193b7c2-…", "narad bulk wait 0193b7c2-… -q -o none")
def wait(session: Session, operation_id: OperationId) -> None:
    """Wait until a bulk operation is done."""
    found = session.get(f"/bulk-operations/{operation_id}")
    session.out.one(wait_for_operation(session, found), columns=COLUMNS)


def wait_for_operation(session: Session, operation: Shown) -> Shown:
    """Look until it is done; on the way, say how far it has come."""
    told = 0
    while operation["status"] != "COMPLETED":
        time.sleep(_PAUSE_SECONDS)
        operation = session.get(f"/bulk-operations/{operation['id']}")
        if operation["changed"] != told:
            told = operation["changed"]
            session.out.say(f"{told} changed so far")
    return operation
