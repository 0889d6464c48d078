"""Commands that create tasks."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from narad.cli import given
from narad.cli.columns import Shown
from narad.cli.command import command
from narad.cli.session import Session
from narad.cli.tasks.app import COLUMNS, TaskId, app
from narad.cli.tasks.filters import Priority

_SHOWN = ("id", "name", "status", "priority", "handler", "queue", "run_at", "created_at")


@dataclass(frozen=True, slots=True)
class Payload:
    """The payload, in one of three ways."""

    inline: Annotated[str | None, typer.Option("--input", "-i", metavar="JSON", help="The payload.")] = None
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="FILE", help="A file with the payload; - is standard input.")
    ] = None
    pairs: Annotated[
        list[str] | None,
        typer.Option("--field", "-F", metavar="NAME=VALUE", help="A field of the payload; JSON, or else a text."),
    ] = None

    def read(self) -> dict[str, Any] | None:
        """What was given."""
        return given.payload(self.inline, self.file, self.pairs or [])


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a task may say of itself."""

    name: Annotated[str | None, typer.Option("--name", help="What people call it; else the handler's name.")] = None
    description: Annotated[str | None, typer.Option("--description", help="More about it.")] = None
    priority: Annotated[
        Priority | None, typer.Option("--priority", "-p", case_sensitive=False, help="Its priority.")
    ] = None
    queue: Annotated[str | None, typer.Option("--queue", help="The queue; else that of the handler.")] = None
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be repeated.")] = None
    run_at: Annotated[str | None, typer.Option("--run-at", help="Not before this time.")] = None
    delay: Annotated[str | None, typer.Option("--in", help="Not before this length of time, such as 10m.")] = None
    timeout: Annotated[str | None, typer.Option("--time-limit", help="Longest time of an attempt, such as 90s.")] = None
    max_attempts: Annotated[int | None, typer.Option("--max-attempts", help="How many failed attempts it has.")] = None
    expires_in: Annotated[str | None, typer.Option("--expires-in", help="Longest time that it waits.")] = None
    unique_key: Annotated[str | None, typer.Option("--unique-key", help="No second task with it is created.")] = None

    def body(self) -> dict[str, Any]:
        """The fields of a request."""
        fields = {
            "name": self.name,
            "description": self.description,
            "priority": self.priority and str(self.priority),
            "queue": self.queue,
            "tags": self.tag or None,
            "run_at": given.start(self.run_at, self.delay),
            "timeout_seconds": self.timeout and given.seconds(self.timeout, "--time-limit"),
            "max_attempts": self.max_attempts,
            "expires_in_seconds": self.expires_in and given.seconds(self.expires_in, "--expires-in"),
            "unique_key": self.unique_key,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Then:
    """What to do once it is there."""

    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; the exit code tells which.")] = False
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show its progress and log lines to its end.")] = False
    within: Annotated[str | None, typer.Option("--timeout", help="Longest wait, such as 60s; else no limit.")] = None

    def go_on(self, session: Session, task: Shown) -> None:
        """Show the task, now or at its end."""
        if not (self.wait or self.watch):
            session.out.one(
                {name: task[name] for name in _SHOWN} if session.out.look.is_table else task, columns=COLUMNS
            )
            return
        from narad.cli.tasks.waiting import wait_for, watch_one  # noqa: PLC0415 - they are commands of their own

        task_id, said = str(task["id"]), f"Created {task['id']}."
        if self.watch:
            watch_one(session, task_id, said)
        else:
            wait_for(session, [task_id], self.within, said)


@command(
    app,
    "narad tasks create --name 'First task' -p HIGH",
    "narad tasks create demo.echo -F greeting=hello -F n=3 --wait",
    "narad tasks create images.thumbnail -f payload.json --watch",
)
def create(
    session: Session,
    payload: Payload,
    wishes: Wishes,
    then: Then,
    handler: Annotated[str | None, typer.Argument(metavar="[HANDLER]", help="What runs it.")] = None,
    key: Annotated[str | None, typer.Option("--idempotency-key", help="The same key creates it once.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the request, and create nothing.")] = False,
) -> None:
    """Create a task."""
    body = {"name": handler or "A task"} | wishes.body()
    if handler is not None:
        body["handler"] = handler
    if (arguments := payload.read()) is not None:
        body["payload"] = arguments
    if dry_run:
        session.out.value(body)
        return
    then.go_on(session, session.service.create("/tasks", body, key))


@command(app, "narad tasks clone 0193b7c2-…", "narad tasks clone 0193b7c2-… -p HIGH --watch")
def clone(session: Session, payload: Payload, wishes: Wishes, then: Then, task_id: TaskId) -> None:
    """Create another task like one that is there; what options say differs."""
    body = wishes.body()
    if (arguments := payload.read()) is not None:
        body["payload"] = arguments
    then.go_on(session, session.service.create(f"/tasks/{task_id}/clone", body, None))
