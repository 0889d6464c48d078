"""`narad keys`: API keys, made in the database itself, so that the first one needs no key."""

from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from narad.cli.starting import one_line, read_settings

if TYPE_CHECKING:
    from narad.cli.key_desk import KeyDesk

EXIT_NOT_FOUND = 3
T = TypeVar("T")

app = typer.Typer(
    help="API keys. These commands work on the database, with the secret that the service has.", no_args_is_help=True
)


class Output(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"


class RoleName(StrEnum):
    """Bundles of scopes."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    ADMIN = "admin"


AsOutput = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The id of a key: the eight characters after nrd_.")]
Days = Annotated[float, typer.Option("--expires-in-days", help="Days until the key opens nothing any more.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call the key.")],
    role: Annotated[RoleName | None, typer.Option("--role", help="A bundle of scopes.")] = None,
    scopes: Annotated[list[str] | None, typer.Option("--scope", help="A scope beside those of the role.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Who answers for it; the audit names them.")] = None,
    days: Days = 90,
    networks: Annotated[list[str] | None, typer.Option("--network", help="Where it may be used from.")] = None,
    handlers: Annotated[list[str] | None, typer.Option("--handler", help="A handler it is for; else all.")] = None,
    rate_limit: Annotated[str | None, typer.Option("--rate-limit", help="Its own limit, such as 600/minute.")] = None,
    output: AsOutput = Output.TABLE,
) -> None:
    """Create a key, and print it: it is shown this once. It needs a --role or a --scope.

    narad keys create laptop --role admin

    narad keys create thumbnailer --role developer --handler images.thumbnail
    """
    given = {
        "name": name,
        "role": role,
        "scopes": scopes or [],
        "owner": owner,
        "expires_in_days": days,
        "networks": networks or [],
        "handlers": handlers or [],
        "rate_limit": rate_limit,
    }
    _print_issued(_at_desk(lambda desk: desk.create(given)), output)


@app.command("list")
def list_(output: AsOutput = Output.TABLE) -> None:
    """List keys, the newest first, those that were revoked too."""
    found = _at_desk(lambda desk: desk.all())
    if output is Output.JSON:
        _print_json({"items": found, "next_cursor": None})
        return
    columns = ("id", "name", "state", "owner", "role", "scopes", "expires_at", "last_used_at")
    _print_table(columns, [[_cell(key[column]) for column in columns] for key in found])


@app.command()
def show(key_id: KeyId, output: AsOutput = Output.TABLE) -> None:
    """Show one key, without its secret."""
    _print_key(_present(key_id, _at_desk(lambda desk: desk.show(key_id))), output)


@app.command()
def revoke(key_id: KeyId, output: AsOutput = Output.TABLE) -> None:
    """Revoke a key, for ever. A running service refuses it within 30 seconds."""
    _print_key(_present(key_id, _at_desk(lambda desk: desk.revoke(key_id))), output)


@app.command()
def rotate(
    key_id: KeyId,
    overlap: Annotated[
        float, typer.Option("--overlap-seconds", help="How long the secret before goes on opening the key.")
    ] = 86_400,
    days: Days = 90,
    output: AsOutput = Output.TABLE,
) -> None:
    """Give a key a new secret, and print it: it is shown this once."""
    given = {"overlap_seconds": overlap, "expires_in_days": days}
    _print_issued(_present(key_id, _at_desk(lambda desk: desk.rotate(key_id, given))), output)


def _at_desk(work: Callable[["KeyDesk"], Coroutine[None, None, T]]) -> T:
    """Do something with keys, on the database of the settings."""
    from narad.cli.key_desk import at_desk  # noqa: PLC0415 - loaded when needed
    from narad.process import run as run_process  # noqa: PLC0415 - loaded when needed

    with one_line():
        return run_process(at_desk(read_settings(), work))


def _present(key_id: str, found: T | None) -> T:
    if found is None:
        typer.echo(f"narad: There is no key {key_id} that this can be done to. narad keys list shows all.", err=True)
        raise typer.Exit(EXIT_NOT_FOUND)
    return found


def _print_issued(key: dict[str, Any], output: Output) -> None:
    if output is Output.JSON:
        _print_json(key)
        return
    typer.echo(key["key"])
    typer.echo(
        f"Key {key['id']} is good until {key['expires_at']}. It is shown this once; send it as\n"
        "  Authorization: Bearer <key>",
        err=True,
    )


def _print_key(key: dict[str, Any], output: Output) -> None:
    if output is Output.JSON:
        _print_json(key)
        return
    width = max(map(len, key))
    for name, value in key.items():
        typer.echo(f"{name:<{width}}  {_cell(value)}")


def _print_json(value: object) -> None:
    import json  # noqa: PLC0415 - loaded when needed

    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [[column.upper() for column in columns], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
