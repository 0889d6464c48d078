"""The commands that start and prepare the service."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from narad.cli import keys
from narad.cli.starting import one_line, read_settings

if TYPE_CHECKING:
    from narad.runtime import Runtime
    from narad.settings import Settings

app = typer.Typer(
    name="narad",
    help="Narad, an asynchronous task service.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(keys.app, name="keys")


class RoleName(StrEnum):
    """What a process may do."""

    API = "api"
    RELAY = "relay"
    WORKER = "worker"
    UPKEEP = "upkeep"


Handlers = Annotated[
    str | None, typer.Option("--handlers", help="Modules with handlers, separated by commas.", metavar="MODULES")
]
Queues = Annotated[str | None, typer.Option("--queues", help="Queues to serve, separated by commas.", metavar="NAMES")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", "-c", help="Execution slots.", min=1)]
Host = Annotated[str | None, typer.Option("--host", help="Address to bind.")]
Port = Annotated[int | None, typer.Option("--port", "-p", help="Port to bind; 0 takes a free one.")]
Roles = Annotated[
    str, typer.Option("--roles", "-r", help="Roles of this process, separated by commas: api, relay, worker, upkeep.")
]


@app.command()
def dev(handlers: Handlers = None, host: Host = None, port: Port = None, concurrency: Concurrency = None) -> None:
    """Run everything in one process, on a SQLite file unless told otherwise. Brings the schema up to date."""
    _serve(tuple(RoleName), migrates=True, handlers=handlers, host=host, port=port, concurrency=concurrency)


@app.command()
def api(host: Host = None, port: Port = None) -> None:
    """Run the API service: HTTP, relay and upkeep."""
    _serve((RoleName.API, RoleName.RELAY, RoleName.UPKEEP), host=host, port=port)


@app.command()
def worker(handlers: Handlers = None, queues: Queues = None, concurrency: Concurrency = None) -> None:
    """Run a worker."""
    _serve((RoleName.WORKER,), handlers=handlers, queues=queues, concurrency=concurrency)


@app.command()
def run(
    roles: Roles,
    handlers: Handlers = None,
    queues: Queues = None,
    concurrency: Concurrency = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Run any set of roles in one process."""
    try:
        chosen = [RoleName(name.strip()) for name in roles.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"{error}; known are {', '.join(RoleName)}.", param_hint="--roles") from error
    _serve(chosen, handlers=handlers, queues=queues, concurrency=concurrency, host=host, port=port)


@app.command()
def migrate(
    revision: Annotated[str, typer.Option("--to", help="A revision, `head` or `base`.")] = "head",
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if the schema is not at head.")] = False,
) -> None:
    """Bring the database schema to the version of this code."""
    from narad.process import run as run_process  # noqa: PLC0415 - loaded when needed
    from narad.runtime import open_database  # noqa: PLC0415 - loaded when needed
    from narad.store import schema  # noqa: PLC0415 - loaded when needed

    async def work(settings: "Settings") -> str:
        database = open_database(settings)
        try:
            if check:
                await schema.check(database)
                return f"The schema is at {schema.head()}."
            before, after = await schema.migrate(database, revision)
            return f"The schema is at {after or 'nothing'}, was at {before or 'nothing'}."
        finally:
            await database.close()

    with one_line():
        typer.echo(run_process(work(read_settings())))


@app.command()
def version() -> None:
    """Print the version."""
    from narad import __version__  # noqa: PLC0415 - loaded when needed

    typer.echo(__version__)


def _serve(roles: Sequence[RoleName], *, migrates: bool = False, **given: str | int | None) -> None:
    from narad.process import run as run_process  # noqa: PLC0415 - loaded when needed
    from narad.process import serve  # noqa: PLC0415 - loaded when needed
    from narad.runtime import Role  # noqa: PLC0415 - loaded when needed

    with one_line():
        settings = read_settings(**given)
        chosen = frozenset(Role(name) for name in roles)
        code = run_process(serve(settings, chosen, migrates=migrates, ready=_greet))
    raise typer.Exit(code)


def _greet(runtime: "Runtime") -> None:
    """Say where the service is, with a line that works as it stands."""
    if runtime.server is None:
        return
    url = runtime.server.url
    locked = runtime.keyring is not None and runtime.keyring.locked
    key = ' -H "Authorization: Bearer $NARAD_API_KEY"' if locked else ""
    typer.echo(f"Narad listens on {url}\n")
    typer.echo("Try it:\n")
    body = '{"name": "First task", "priority": "HIGH"}'
    typer.echo(f"  curl -s {url}/api/v1/tasks{key} -H 'Content-Type: application/json' -d '{body}'\n")
