"""Commands that cancel tasks and put them on their way again: by id, or by filter."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from narad.cli import given
from narad.cli.bulk import COLUMNS as BULK_COLUMNS
from narad.cli.bulk import wait_for_operation
from narad.cli.columns import Shown
from narad.cli.command import command
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session
from narad.cli.tasks.app import COLUMNS, app
from narad.cli.tasks.filters import Filters

SomeIds = Annotated[
    list[str] | None, typer.Argument(metavar="[ID...]", help="Ids of tasks; - reads them from standard input.")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; it stays with the task.")]


@dataclass(frozen=True, slots=True)
class Care:
    """How sure one is."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many tasks are meant, and change nothing.")] = (
        False
    )
    everything: Annotated[bool, typer.Option("--all", help="Every task, where no filter is given.")] = False
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until all are done.")] = True


@command(
    app,
    "narad tasks cancel 0193b7c2-… --reason 'no longer needed'",
    "narad tasks cancel --handler images.thumbnail --status PENDING --dry-run",
    "narad tasks list --tag nightly --all -o name | narad tasks cancel -",
)
def cancel(session: Session, filters: Filters, care: Care, task_ids: SomeIds = None, reason: Reason = None) -> None:
    """Cancel tasks, those with the ids or those of the filters. A running one stops within its grace period."""
    _order(session, "cancel", filters, care, task_ids, {"reason": reason} if reason else {})


@command(
    app,
    "narad tasks retry 0193b7c2-…",
    "narad tasks retry --status FAILED --since 24h --dry-run",
    "narad tasks retry --status FAILED --handler images.thumbnail --yes",
)
def retry(session: Session, filters: Filters, care: Care, task_ids: SomeIds = None) -> None:
    """Put FAILED and CANCELLED tasks on their way again, those with the ids or those of the filters."""
    _order(session, "retry", filters, care, task_ids, {})


def _order(
    session: Session, action: str, filters: Filters, care: Care, named: list[str] | None, more: dict[str, Any]
) -> None:
    chosen, query = given.ids(named or []), filters.query()
    if bool(named) == (bool(query) or care.everything):
        raise Failure(f"Say which tasks: narad tasks {action} ID..., or filters, or --all.", ExitCode.USAGE)
    if named and not care.dry_run:
        session.out.rows(_one_by_one(session, action, chosen, more), COLUMNS)
        return
    meant = {"ids": chosen} if named else {"filter": query} if query else {"all": True}
    _in_bulk(session, {"action": action, **meant, **more}, care)


def _one_by_one(session: Session, action: str, ids: list[str], body: dict[str, Any]) -> list[Shown]:
    # A task that is retried twice may have run and failed in between.
    repeatable = action != "retry"
    return [session.post(f"/tasks/{one}/{action}", body or None, repeatable=repeatable) for one in ids]


def _in_bulk(session: Session, body: dict[str, Any], care: Care) -> None:
    """Count, ask, order, wait."""
    preview = session.post("/bulk-operations", body | {"dry_run": True})
    if care.dry_run:
        session.out.one(preview)
        return
    number = int(preview["would_change"]["value"])
    more = "or more" if preview["would_change"]["relation"] == "gte" else ""
    if not number:
        session.out.say("No task is meant.")
        return
    tasks = "task" if number == 1 else "tasks"
    session.confirm(
        f"This will {body['action']} {number} {more + ' ' if more else ''}{tasks}", number=number, yes=care.yes
    )
    operation = session.post("/bulk-operations", body, repeatable=False)
    if care.wait:
        operation = wait_for_operation(session, operation)
    session.out.one(operation, columns=BULK_COLUMNS)
