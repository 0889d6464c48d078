"""Commands that look at tasks."""

from typing import Annotated

import typer

from narad.cli import given
from narad.cli.columns import Column, Kind, Shown
from narad.cli.command import command
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session
from narad.cli.tasks.app import COLUMNS, TaskId, TaskIds, app
from narad.cli.tasks.filters import Filters

_ATTEMPTS = (
    Column("attempt", "attempt"),
    Column("outcome", "outcome", Kind.STATUS),
    Column("started", "started_at", Kind.TIME, spare=True),
    Column("finished", "finished_at", Kind.TIME, spare=True),
    Column("worker", "worker_id", spare=True),
    Column("error", "error.type"),
    Column("message", "error.message"),
)
LINES = (
    Column("at", "at", Kind.TIME),
    Column("attempt", "attempt"),
    Column("level", "level"),
    Column("message", "message"),
)
_PAGE = 1_000
_UNSHOWN = "(not shown to this key)"

Sort = Annotated[str | None, typer.Option("--sort", help="A field, - before it for downwards, such as -finished_at.")]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
All = Annotated[bool, typer.Option("--all", help="All of them, however many.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show the list anew every two seconds; needs a terminal.")]


@command(
    app,
    "narad tasks list --status FAILED --since 24h",
    "narad tasks list --handler demo.echo --sort -finished_at -n 20",
    "narad tasks list --status FAILED --all -o name",
    name="list",
)
def list_(
    session: Session, filters: Filters, sort: Sort = None, most: Most = 50, *, all_: All = False, watch: Watch = False
) -> None:
    """List tasks, the newest first."""
    query = filters.query() | {"sort": sort}
    if watch:
        from narad.cli.watching_lists import watch_list  # noqa: PLC0415 - loaded when needed

        watch_list(session, lambda: list(session.pages("/tasks", query, most)), COLUMNS)
        return
    session.list("/tasks", COLUMNS, query, most=None if all_ else most)


@command(app, "narad tasks get 0193b7c2-…", "narad tasks get 0193b7c2-… -o json")
def get(session: Session, task_ids: TaskIds) -> None:
    """Show tasks, whole."""
    found = [session.get(f"/tasks/{one}") for one in given.ids(task_ids)]
    if len(found) == 1:
        session.out.one(found[0], columns=COLUMNS)
    else:
        session.out.rows(found, COLUMNS)


@command(app, "narad tasks result 0193b7c2-…", "narad tasks result 0193b7c2-… -o jsonl | jq .bytes")
def result(session: Session, task_id: TaskId) -> None:
    """Print the result of a COMPLETED task, as JSON."""
    session.out.value(session.get(f"/tasks/{task_id}/result"))


@command(app, "narad tasks attempts 0193b7c2-…", "narad tasks attempts 0193b7c2-… -o json")
def attempts(session: Session, task_id: TaskId) -> None:
    """List attempts that failed or lost their worker, and the latest."""
    session.out.rows(session.get(f"/tasks/{task_id}/attempts")["items"], _ATTEMPTS, key="attempt")


@command(
    app,
    "narad tasks logs 0193b7c2-…",
    "narad tasks logs 0193b7c2-… --level WARNING",
    "narad tasks logs 0193b7c2-… -o jsonl",
)
def logs(
    session: Session,
    task_id: TaskId,
    level: Annotated[str | None, typer.Option("--level", help="Lines of this level or a more severe one.")] = None,
) -> None:
    """Print what the handler logged, all attempts, the first line first. `tasks watch` follows a running task."""
    lines = read_lines(session, task_id)
    if level is not None:
        least = _severity(level)
        lines = [line for line in lines if _severity(line["level"]) >= least]
    session.out.rows(lines, LINES, key="message")


def read_lines(session: Session, task_id: str, after: str | None = None) -> list[Shown]:
    """Log lines of a task after one that is known, to the last that there is by now."""
    found: list[Shown] = []
    while True:
        page = session.get(f"/tasks/{task_id}/logs", after=after, limit=_PAGE)
        found += [line | {"message": _UNSHOWN} if line["message"] is None else line for line in page["items"]]
        if (after := page["next_after"]) is None:
            return found


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _severity(level: str) -> int:
    if level.upper() not in _LEVELS:
        raise Failure(f"--level: {level!r} is none of {', '.join(_LEVELS)}.", ExitCode.USAGE)
    return _LEVELS.index(level.upper())
