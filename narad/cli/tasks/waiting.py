"""Commands that wait for tasks, with or without showing what they do."""

import time
from typing import Annotated

import typer

from narad.cli import given
from narad.cli.columns import Shown
from narad.cli.command import command
from narad.cli.exits import FINAL, ExitCode, of_task
from narad.cli.failure import Failure
from narad.cli.session import Session
from narad.cli.tasks.app import COLUMNS, TaskId, TaskIds, app

_LONGEST_POLL_SECONDS = 20
Within = Annotated[str | None, typer.Option("--timeout", help="Longest wait, such as 60s; else no limit.")]


@command(
    app,
    "narad tasks wait 0193b7c2-…",
    "narad tasks wait 0193b7c2-… 0193b7c3-… --timeout 60s",
    "narad tasks list --tag nightly --all -o name | narad tasks wait -",
)
def wait(session: Session, task_ids: TaskIds, within: Within = None) -> None:
    """Wait until tasks have ended; the exit code tells how: 0 all COMPLETED, 10 one FAILED, 11 one CANCELLED."""
    wait_for(session, given.ids(task_ids), within)


@command(app, "narad tasks watch 0193b7c2-…", "narad tasks watch 0193b7c2-… -o json -q")
def watch(session: Session, task_id: TaskId) -> None:
    """Show the progress and the log lines of a task to its end. Ctrl-C lets go of it; the task goes on.

    Log lines are printed as they come; with `-o json` the task is printed at its end instead.
    """
    watch_one(session, task_id)


def watch_one(session: Session, task_id: str, said: str | None = None) -> None:
    """Show a task to its end, and end with the code of its outcome; what is `said` comes first."""
    from narad.cli.tasks.following import follow  # noqa: PLC0415 - loaded when needed
    from narad.cli.tasks.views import view_for  # noqa: PLC0415

    try:
        _say(session, said)
        task = follow(session, task_id, view_for(session.out))
    except KeyboardInterrupt:
        message = f"Let go of {task_id}; it goes on. narad tasks watch {task_id} comes back to it."
        raise Failure(message, ExitCode.INTERRUPTED) from None
    if not session.out.look.is_table:
        session.out.one(task, columns=COLUMNS)
    _end([task])


def wait_for(session: Session, ids: list[str], within: str | None, said: str | None = None) -> None:
    """Wait for tasks, show them, and end with the code of their outcomes; what is `said` comes first."""
    deadline = None if within is None else time.monotonic() + given.seconds(within, "--timeout")
    try:
        _say(session, said)
        ended = [_ended(session, one, deadline, ids) for one in ids]
    except KeyboardInterrupt:
        raise Failure(f"Let go. {_resume(ids)}", ExitCode.INTERRUPTED) from None
    if len(ended) == 1:
        session.out.one(ended[0], columns=COLUMNS)
    else:
        session.out.rows(ended, COLUMNS)
    _end(ended)


def _say(session: Session, said: str | None) -> None:
    if said is not None:
        session.out.say(said)


def _ended(session: Session, task_id: str, deadline: float | None, ids: list[str]) -> Shown:
    """Ask until the task has ended; each request waits within the service."""
    while True:
        left = _LONGEST_POLL_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
        task, pause = session.service.wait(task_id, min(left, _LONGEST_POLL_SECONDS))
        if task["status"] in FINAL:
            return task
        if deadline is not None and time.monotonic() >= deadline:
            raise Failure(
                f"The wait is over; {task_id} is {task['status']} and goes on. {_resume(ids)}", ExitCode.WAIT_OVER
            )
        # Where the service keeps nobody waiting any more, it says when to ask again.
        time.sleep(pause if deadline is None else min(pause, max(0.0, deadline - time.monotonic())))


def _resume(ids: list[str]) -> str:
    return f"To resume: narad tasks wait {' '.join(ids)}"


def _end(tasks: list[Shown]) -> None:
    codes = {of_task(task["status"]) for task in tasks}
    for code in (ExitCode.TASK_FAILED, ExitCode.TASK_CANCELLED):
        if code in codes:
            raise typer.Exit(code)
