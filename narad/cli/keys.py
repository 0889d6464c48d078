"""`narad keys`: API keys, made in the database itself, so that the first one needs no key."""

from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from narad.cli.columns import Column, Kind, Shown
from narad.cli.command import command, group
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.output import Output
from narad.cli.session import Session
from narad.cli.starting import read_settings

if TYPE_CHECKING:
    from narad.cli.key_desk import KeyDesk

T = TypeVar("T")
COLUMNS = (
    Column("id", "id"),
    Column("name", "name"),
    Column("state", "state", Kind.STATUS),
    Column("owner", "owner", spare=True),
    Column("role", "role", spare=True),
    Column("scopes", "scopes", spare=True),
    Column("expires_at", "expires_at", Kind.TIME, spare=True),
    Column("last_used_at", "last_used_at", Kind.TIME, spare=True),
)

app = group()


class RoleName(StrEnum):
    """Bundles of scopes."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    ADMIN = "admin"


KeyId = Annotated[str, typer.Argument(metavar="ID", help="The id of a key: the eight characters after nrd_.")]
Days = Annotated[float, typer.Option("--expires-in-days", help="Days until the key opens nothing any more.")]


@command(
    app,
    "narad keys create laptop --role admin",
    "narad keys create thumbnailer --role developer --handler images.thumbnail",
    remote=False,
)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What people call the key.")],
    role: Annotated[RoleName | None, typer.Option("--role", help="A bundle of scopes.")] = None,
    scopes: Annotated[list[str] | None, typer.Option("--scope", help="A scope beside those of the role.")] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Who answers for it; the audit names them.")] = None,
    days: Days = 90,
    networks: Annotated[list[str] | None, typer.Option("--network", help="Where it may be used from.")] = None,
    handlers: Annotated[list[str] | None, typer.Option("--handler", help="A handler it is for; else all.")] = None,
    rate_limit: Annotated[str | None, typer.Option("--rate-limit", help="Its own limit, such as 600/minute.")] = None,
) -> None:
    """Create a key, and print it: it is shown this once. It needs a --role or a --scope."""
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
    _print_issued(session, _at_desk(lambda desk: desk.create(given)))


@command(app, "narad keys list", "narad keys list -o json", name="list", remote=False)
def list_(session: Session) -> None:
    """List keys, the newest first, those that were revoked too."""
    session.out.rows(_at_desk(lambda desk: desk.all()), COLUMNS)


@command(app, "narad keys show 3kq8w2xz", "narad keys show 3kq8w2xz -o json", remote=False)
def show(session: Session, key_id: KeyId) -> None:
    """Show one key, without its secret."""
    session.out.one(_present(key_id, _at_desk(lambda desk: desk.show(key_id))), columns=COLUMNS)


@command(app, "narad keys revoke 3kq8w2xz", "narad keys revoke 3kq8w2xz -q -o none", remote=False)
def revoke(session: Session, key_id: KeyId) -> None:
    """Revoke a key, for ever. A running service refuses it within 30 seconds."""
    session.out.one(_present(key_id, _at_desk(lambda desk: desk.revoke(key_id))), columns=COLUMNS)


@command(app, "narad keys rotate 3kq8w2xz", "narad keys rotate 3kq8w2xz --overlap-seconds 0", remote=False)
def rotate(
    session: Session,
    key_id: KeyId,
    overlap: Annotated[
        float, typer.Option("--overlap-seconds", help="How long the secret before goes on opening the key.")
    ] = 86_400,
    days: Days = 90,
) -> None:
    """Give a key a new secret, and print it: it is shown this once."""
    given = {"overlap_seconds": overlap, "expires_in_days": days}
    _print_issued(session, _present(key_id, _at_desk(lambda desk: desk.rotate(key_id, given))))


def _at_desk(work: Callable[["KeyDesk"], Coroutine[None, None, T]]) -> T:
    """Do something with keys, on the database of the settings."""
    from narad.cli.key_desk import at_desk  # noqa: PLC0415 - loaded when needed
    from narad.process import run as run_process  # noqa: PLC0415 - loaded when needed

    return run_process(at_desk(read_settings(), work))


def _present(key_id: str, found: T | None) -> T:
    if found is None:
        text = f"There is no key {key_id} that this can be done to. narad keys list shows all."
        raise Failure(text, ExitCode.NOT_FOUND)
    return found


def _print_issued(session: Session, key: Shown) -> None:
    """In a table the key stands alone, so that it can be piped to where it belongs."""
    if session.out.look.output is not Output.TABLE:
        session.out.one(key, columns=COLUMNS)
        return
    session.out.text(key["key"])
    session.out.say(
        f"Key {key['id']} is good until {key['expires_at']}. It is shown this once; send it as\n"
        "  Authorization: Bearer <key>"
    )
