"""`narad profile`: services by name, so that neither address nor key has to be said each time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from narad.cli import given
from narad.cli.columns import Column, Shown
from narad.cli.command import command, group
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session

if TYPE_CHECKING:
    from narad.client.profile import Profile, Profiles

COLUMNS = (Column("name", "name"), Column("current", "current"), Column("url", "url"), Column("key", "key"))

app = group()

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a profile.")]


@command(app, "narad profile list", "narad profile list -o json", name="list", remote=False)
def list_(session: Session) -> None:
    """List profiles; of keys only the id is shown."""
    profiles = _read()
    items: list[Shown] = [
        {"name": name, "current": name == profiles.current, "url": one.url, "key": _key_id(one.api_key)}
        for name, one in profiles.by_name.items()
    ]
    session.out.rows(items, COLUMNS, key="name")


@command(app, "narad profile use staging", "narad profile use staging -q", remote=False)
def use(session: Session, name: Name) -> None:
    """Make a profile the one that counts where nothing else is said."""
    profiles = _read()
    found = _named(profiles, name)
    _write(profiles.by_name, name)
    session.out.say(f"Commands go to {found.url} now, unless NARAD_URL or --url says otherwise.")


@command(
    app,
    "narad profile set staging --at https://narad.example.org",
    "narad profile set staging --key-file key.txt",
    "narad keys create laptop --role operator | narad profile set local --at http://127.0.0.1:8000 --key-file -",
    name="set",
    remote=False,
)
def set_(
    session: Session,
    name: Name,
    at: Annotated[str | None, typer.Option("--at", metavar="URL", help="The address of the service.")] = None,
    key_file: Annotated[
        str | None, typer.Option("--key-file", metavar="FILE", help="A file with the API key; - is standard input.")
    ] = None,
) -> None:
    """Make a profile, or change one; the first one is used at once. A key is never said on the command line."""
    from narad.client.profile import Profile, config_path  # noqa: PLC0415 - loaded when needed

    profiles = _read()
    before = profiles.by_name.get(name)
    url = at or (before and before.url)
    if not url:
        raise Failure(f"The profile {name} is new: say where its service is, with --at URL.", ExitCode.USAGE)
    key = given.text_of(key_file, "--key-file").strip() if key_file else (before and before.api_key)
    changed = dict(profiles.by_name) | {name: Profile(url.rstrip("/"), key or None)}
    _write(changed, profiles.current or name)
    session.out.say(f"Written to {config_path()}.")


@command(app, "narad profile remove staging", "narad profile remove staging -q", remote=False)
def remove(session: Session, name: Name) -> None:
    """Forget a profile, and the key in it."""
    profiles = _read()
    _named(profiles, name)
    left = {one: profile for one, profile in profiles.by_name.items() if one != name}
    _write(left, None if profiles.current == name else profiles.current)
    session.out.say(f"{name} is forgotten.")


def _read() -> "Profiles":
    from narad.cli.client_errors import as_failures  # noqa: PLC0415 - loaded when needed
    from narad.client.profile import read_profiles  # noqa: PLC0415

    with as_failures():
        return read_profiles()


def _named(profiles: "Profiles", name: str) -> "Profile":
    if name not in profiles.by_name:
        known = ", ".join(sorted(profiles.by_name)) or "none"
        raise Failure(f"There is no profile {name}; known: {known}.", ExitCode.NOT_FOUND)
    return profiles.by_name[name]


def _write(by_name: "Mapping[str, Profile]", current: str | None) -> None:
    from narad.client.profile import Profiles, write_profiles  # noqa: PLC0415 - loaded when needed

    write_profiles(Profiles(by_name, current))


def _key_id(key: str | None) -> str | None:
    """The part of a key that opens nothing."""
    parts = (key or "").split("_")
    return parts[1] if len(parts) == 3 else ("set" if key else None)  # noqa: PLR2004 - nrd, id, secret
