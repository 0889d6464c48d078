"""`narad handlers`: what can be asked for, of a service, and what modules hold, without one."""

from typing import TYPE_CHECKING, Annotated

import typer

from narad.cli.command import command, group
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.published import Name, list_published, show_published
from narad.cli.session import Session

if TYPE_CHECKING:
    from narad.cli.module_handlers import Findings

app = group()

Modules = Annotated[
    list[str] | None,
    typer.Option("--module", "-m", help="Look into this module, such as myapp.tasks, not at the service."),
]


@command(app, "narad handlers check myapp.tasks", "narad handlers check myapp.tasks myapp.more", remote=False)
def check(
    session: Session,
    modules: Annotated[list[str], typer.Argument(metavar="MODULE...", help="Modules such as myapp.tasks.")],
) -> None:
    """See whether a worker could start with these modules; say what is in them, or what is wrong."""
    findings = _look_into(modules)
    _print(session, findings)
    for problem in findings.problems:
        typer.echo(f"narad: {problem}", err=True)
    if findings.problems:
        raise typer.Exit(ExitCode.ERROR)


@command(app, "narad handlers list", "narad handlers list -o name", "narad handlers list -m myapp.tasks", name="list")
def list_(session: Session, modules: Modules = None) -> None:
    """List the handlers that workers have published, `offered` by a living one or not; or those of modules."""
    if modules is None:
        list_published(session)
    else:
        _print(session, _sound(modules))


@command(
    app,
    "narad handlers show demo.echo",
    "narad handlers show demo.echo -o json | jq .payload_schema",
    "narad handlers show images.thumbnail -m myapp.tasks",
)
def show(session: Session, name: Name, modules: Modules = None) -> None:
    """Show a handler, with the JSON Schemas of its payload and its result; that of a module as JSON."""
    if modules is None:
        show_published(session, name)
        return
    from narad.cli.module_handlers import shown  # noqa: PLC0415 - loaded when needed

    handlers = _sound(modules).handlers
    if name not in handlers:
        known = ", ".join(sorted(handlers))
        raise Failure(f"These modules hold no handler {name}; they hold {known}.", ExitCode.NOT_FOUND)
    session.out.text(shown(handlers[name]))


def _look_into(modules: list[str]) -> "Findings":
    from narad.cli.module_handlers import look_into  # noqa: PLC0415 - loaded when needed

    return look_into(modules)


def _sound(modules: list[str]) -> "Findings":
    findings = _look_into(modules)
    if findings.problems:
        raise Failure(findings.problems[0])
    return findings


def _print(session: Session, findings: "Findings") -> None:
    from narad.cli.module_handlers import line_of, line_of_lifespan  # noqa: PLC0415 - loaded when needed

    for name in sorted(findings.handlers):
        session.out.text(line_of(findings.handlers[name]))
    for lifespan in findings.lifespans:
        session.out.text(line_of_lifespan(lifespan))
