"""The commands that start and prepare the service."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from narad.cli import completion, doctor, health, request, stats, top
from narad.cli.command import below_help, command
from narad.cli.groups import add_groups
from narad.cli.starting import one_line, read_settings

if TYPE_CHECKING:
    from narad.runtime import Runtime
    from narad.settings import Settings

app = typer.Typer(
    name="narad",
    help="Narad, an asynchronous task service.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
Reload = Annotated[
    bool, typer.Option("--reload", help="Start anew when the code of the handlers changes; for development.")
]
Roles = Annotated[
    str, typer.Option("--roles", "-r", help="Roles of this process, separated by commas: api, relay, worker, upkeep.")
]


@app.command(epilog=below_help("narad dev", "narad dev --handlers myapp.tasks --port 0"))
def dev(
    handlers: Handlers = None,
    host: Host = None,
    port: Port = None,
    concurrency: Concurrency = None,
    *,
    reload: Reload = False,
) -> None:
    """Run everything in one process, on a SQLite file unless told otherwise. Brings the schema up to date."""
    if reload:
        _reload(handlers)
    _serve(tuple(RoleName), migrates=True, handlers=handlers, host=host, port=port, concurrency=concurrency)


@app.command(epilog=below_help("narad api", "narad api --host 0.0.0.0 --port 8080"))
def api(host: Host = None, port: Port = None) -> None:
    """Run the API service: HTTP, relay and upkeep."""
    _serve((RoleName.API, RoleName.RELAY, RoleName.UPKEEP), host=host, port=port)


@app.command(
    epilog=below_help("narad worker --handlers myapp.tasks", "narad worker --queues images,default --concurrency 20")
)
def worker(
    handlers: Handlers = None, queues: Queues = None, concurrency: Concurrency = None, *, reload: Reload = False
) -> None:
    """Run a worker."""
    if reload:
        _reload(handlers)
    _serve((RoleName.WORKER,), handlers=handlers, queues=queues, concurrency=concurrency)


@app.command(epilog=below_help("narad run --roles relay,upkeep", "narad run --roles worker --handlers myapp.tasks"))
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


@app.command(epilog=below_help("narad migrate", "narad migrate --check", "narad migrate --to base"))
def migrate(
    revision: Annotated[str, typer.Option("--to", help="A revision, `head` or `base`.")] = "head",
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if the schema is not at head.")] = False,
) -> None:
    """Bring the database schema to the version of this code."""
    from narad.opening import open_database  # noqa: PLC0415 - loaded when needed
    from narad.process import run as run_process  # noqa: PLC0415 - loaded when needed
    from narad.store import schema  # noqa: PLC0415 - loaded when needed
    from narad.store.migrating import migrate_schema  # noqa: PLC0415 - loaded when needed

    async def work(settings: "Settings") -> str:
        database = open_database(settings)
        try:
            if check:
                await schema.check(database)
                return f"The schema is at {schema.HEAD}."
            before, after = await migrate_schema(database, revision)
            return f"The schema is at {after or 'nothing'}, was at {before or 'nothing'}."
        finally:
            await database.close()

    with one_line():
        typer.echo(run_process(work(read_settings())))


@app.command(epilog=below_help("narad signing-key", "narad signing-key > signing.key"))
def signing_key() -> None:
    """Print the key by which receivers check the signature of what http.request sends. Keep it secret."""
    from narad.composition.worker import signing_key as key_of  # noqa: PLC0415 - loaded when needed
    from narad.opening import open_secrets, open_store  # noqa: PLC0415 - loaded when needed
    from narad.process import run as run_process  # noqa: PLC0415 - loaded when needed
    from narad.store import schema  # noqa: PLC0415 - loaded when needed

    async def work(settings: "Settings") -> str:
        store = open_store(settings, pool_size=1)
        try:
            await schema.check(store.database)
            return key_of(settings, await open_secrets(settings, store))
        finally:
            await store.database.close()

    with one_line():
        typer.echo(run_process(work(read_settings())))


@app.command(epilog=below_help("narad version", "narad version | cut -d. -f1"))
def version() -> None:
    """Print the version."""
    from narad import __version__  # noqa: PLC0415 - loaded when needed

    typer.echo(__version__)


add_groups(app)
command(app, *stats.EXAMPLES)(stats.stats)
command(app, *request.EXAMPLES)(request.request)
command(app, *top.EXAMPLES)(top.top)
command(app, *doctor.EXAMPLES)(doctor.doctor)
command(app, *health.EXAMPLES)(health.health)
command(app, *completion.EXAMPLES, remote=False)(completion.completion)


def _reload(handlers: str | None) -> NoReturn:
    """Run the same command without `--reload` in a process that is restarted when its handlers change."""
    from narad.cli.reload import run_reloading, without_reload  # noqa: PLC0415 - loaded when needed

    with one_line():
        modules = read_settings(handlers=handlers).handlers
    raise typer.Exit(run_reloading(modules, without_reload(sys.argv[1:])))


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
