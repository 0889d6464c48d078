"""`narad health`: a probe, for containers and scripts."""

import os
from typing import Annotated

import typer

from narad.cli.failure import Failure
from narad.cli.session import Session
from narad.cli.starting import read_settings

EXAMPLES = ("narad health", "narad health --live --timeout 1", "narad health --worker")
_OK = 200
_OF_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where it is bound so, it is reached here


def health(
    session: Session,
    *,
    live: Annotated[bool, typer.Option("--live", help="Only whether the process turns (/livez).")] = False,
    worker: Annotated[
        bool, typer.Option("--worker", help="A worker of this host, by its row in the database of the settings.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="With --worker: the one with this NARAD_WORKER_NAME.")
    ] = None,
    within: Annotated[float, typer.Option("--timeout", min=0.1, max=60, help="Seconds to wait for an answer.")] = 3,
) -> None:
    """Say by the exit code whether the service is ready: 0 it is, 1 it is not.

    It asks the address of --url, a profile or NARAD_URL, or else the one that NARAD_HOST and NARAD_PORT bind.
    """
    if worker:
        from narad.cli.worker_health import living_worker  # noqa: PLC0415 - loaded when needed

        session.out.say(living_worker(read_settings(), name, within))
        return
    if not (session.where.url or session.where.profile or os.environ.get("NARAD_URL")):
        session.aim(_own_address())
    status, text = session.service.probe("/livez" if live else "/readyz", within)
    if status != _OK:
        raise Failure(f"{session.service.url} is not {'alive' if live else 'ready'}: {text}")
    session.out.say(f"{session.service.url} is {'alive' if live else 'ready'}.")


def _own_address() -> str:
    settings = read_settings()
    host = _OF_ANY.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
