"""`narad stats`: how it went lately."""

from enum import StrEnum
from typing import Annotated

import typer

from narad.cli.columns import Column, Kind
from narad.cli.session import Session

COLUMNS = (
    Column("handler", "handler"),
    Column("created", "created"),
    Column("completed", "completed"),
    Column("failed", "failed"),
    Column("cancelled", "cancelled", spare=True),
    Column("wait p50", "wait_seconds.p50", Kind.SECONDS),
    Column("wait p95", "wait_seconds.p95", Kind.SECONDS, spare=True),
    Column("run p50", "run_seconds.p50", Kind.SECONDS),
    Column("run p95", "run_seconds.p95", Kind.SECONDS, spare=True),
)


class Window(StrEnum):
    """How far back to look."""

    MINUTES = "5m"
    HOUR = "1h"
    DAY = "24h"


EXAMPLES = ("narad stats", "narad stats --window 24h", "narad stats -o json")


def stats(
    session: Session, window: Annotated[Window, typer.Option("--window", help="How far back to look.")] = Window.MINUTES
) -> None:
    """Show tasks by status, and by handler what happened lately: counts, waits and run times (estimates)."""
    found = session.get("/stats", window=str(window))
    if not session.out.look.is_table:
        session.out.value(found)
        return
    counts = {status: count["value"] for status, count in found["statuses"].items()}
    session.out.text("  ".join(f"{status} {count}" for status, count in counts.items()))
    session.out.text(f"since {found['since']}, {found['overall']['finished_per_second']:.2f} finished per second")
    session.out.text("")
    session.out.rows([*found["handlers"], {"handler": "all", **found["overall"]}], COLUMNS, key="handler")
