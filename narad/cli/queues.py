"""`narad queues`: what waits, and holding it up."""

from typing import Annotated

import typer

from narad.cli.columns import Column, Kind, Shown
from narad.cli.command import command, group
from narad.cli.session import Session

COLUMNS = (
    Column("name", "name"),
    Column("state", "state", Kind.STATUS),
    Column("workers", "workers", spare=True),
    Column("running", "running", Kind.COUNT),
    Column("high", "lanes.HIGH.waiting", Kind.COUNT),
    Column("medium", "lanes.MEDIUM.waiting", Kind.COUNT),
    Column("low", "lanes.LOW.waiting", Kind.COUNT),
    Column("oldest", "oldest_age_seconds", Kind.SECONDS),
    Column("reason", "paused_reason", spare=True),
)

app = group()

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a queue.")]


@command(app, "narad queues list", "narad queues list -o json", name="list")
def list_(session: Session) -> None:
    """List queues: tasks that could run by priority, how long the oldest has waited, and pauses."""
    items = session.get("/queues")["items"]
    if session.out.look.is_table:
        items = [in_brief(queue) for queue in items]
    session.out.rows(items, COLUMNS, key="name")


@command(app, "narad queues show default", "narad queues show default -o json")
def show(session: Session, name: Name) -> None:
    """Show a queue, lane by lane."""
    session.out.one(session.get(f"/queues/{session.service.part(name)}"), key="name")


@command(app, "narad queues pause default --reason 'database upgrade'", "narad queues pause images -q")
def pause(
    session: Session, name: Name, reason: Annotated[str | None, typer.Option("--reason", help="Why.")] = None
) -> None:
    """Start nothing new from a queue; tasks are accepted and wait, what runs goes on."""
    body = {"reason": reason} if reason else None
    session.out.one(session.post(f"/queues/{session.service.part(name)}/pause", body), key="name")


@command(app, "narad queues resume default", "narad queues resume default -o none")
def resume(session: Session, name: Name) -> None:
    """End a pause."""
    session.out.one(session.post(f"/queues/{session.service.part(name)}/resume"), key="name")


def in_brief(queue: Shown) -> Shown:
    """What a line of a table says beyond the fields."""
    ages = [lane["oldest_age_seconds"] for lane in queue["lanes"].values() if lane["oldest_age_seconds"] is not None]
    return dict(queue) | {
        "state": "paused" if queue["paused"] else "running",
        "oldest_age_seconds": max(ages, default=None),
    }
