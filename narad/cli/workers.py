"""`narad workers`: who does the work, and orders to them."""

from enum import StrEnum
from typing import Annotated

import typer

from narad.cli.columns import Column, Kind
from narad.cli.command import command, group
from narad.cli.session import Session

COLUMNS = (
    Column("id", "id"),
    Column("name", "name", spare=True),
    Column("state", "state", Kind.STATUS),
    Column("busy", "busy"),
    Column("slots", "concurrency", spare=True),
    Column("host", "host", spare=True),
    Column("pid", "pid", spare=True),
    Column("queues", "queues", spare=True),
    Column("heartbeat", "heartbeat_at", Kind.TIME, spare=True),
    Column("version", "version", spare=True),
)

app = group()


class State(StrEnum):
    """The states of workers."""

    ONLINE = "online"
    QUIET = "quiet"
    DRAINING = "draining"
    LOST = "lost"
    STOPPED = "stopped"


WorkerId = Annotated[str, typer.Argument(metavar="ID", help="The id of a worker.")]
_ALIVE = (State.ONLINE, State.QUIET, State.DRAINING)


@command(
    app, "narad workers list", "narad workers list --state lost -n 10", "narad workers list --all -o json", name="list"
)
def list_(
    session: Session,
    states: Annotated[list[State] | None, typer.Option("--state", "-s", help="In this state; else the living.")] = None,
    most: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    *,
    all_: Annotated[bool, typer.Option("--all", help="In any state, however many.")] = False,
) -> None:
    """List workers, those that started last first."""
    asked = states or ([] if all_ else _ALIVE)
    session.list("/workers", COLUMNS, {"state": [str(one) for one in asked]}, most=None if all_ else most)


@command(app, "narad workers show 0193b7c2-…", "narad workers show 0193b7c2-… -o json")
def show(session: Session, worker_id: WorkerId) -> None:
    """Show a worker, and what it runs."""
    session.out.one(session.get(f"/workers/{worker_id}"), columns=COLUMNS)


@command(app, "narad workers quiet 0193b7c2-…", "narad workers quiet 0193b7c2-… -q -o none")
def quiet(session: Session, worker_id: WorkerId) -> None:
    """Let a worker take nothing new; what it runs goes on."""
    session.out.one(session.post(f"/workers/{worker_id}/quiet"), columns=COLUMNS)


@command(app, "narad workers drain 0193b7c2-…", "narad workers drain 0193b7c2-… -q -o none")
def drain(session: Session, worker_id: WorkerId) -> None:
    """End a worker as SIGTERM would; what does not end in time is handed back."""
    session.out.one(session.post(f"/workers/{worker_id}/drain"), columns=COLUMNS)


@command(app, "narad workers resume 0193b7c2-…", "narad workers resume 0193b7c2-… -o none")
def resume(session: Session, worker_id: WorkerId) -> None:
    """Let a quiet worker take tasks again."""
    session.out.one(session.post(f"/workers/{worker_id}/resume"), columns=COLUMNS)
