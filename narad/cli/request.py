"""`narad request`: any request, with the address and the key that other commands use."""

import json
from typing import Annotated

import typer

from narad.cli import given
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session

EXAMPLES = (
    "narad request GET '/tasks?limit=1'",
    'narad request PATCH /tasks/0193b7c2-… -i \'{"priority": "HIGH"}\'',
    "narad request GET /readyz",
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_BESIDE_THE_API = ("/api/", "/livez", "/readyz", "/metrics", "/problems", "/openapi.json")


def request(
    session: Session,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PATCH, DELETE, …")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="Below /api/v1, or whole, with its query.")],
    inline: Annotated[str | None, typer.Option("--input", "-i", metavar="JSON", help="The body.")] = None,
    file: Annotated[str | None, typer.Option("--file", "-f", metavar="FILE", help="A file with the body.")] = None,
    headers: Annotated[
        list[str] | None, typer.Option("--header", metavar="'NAME: VALUE'", help="A header; may be repeated.")
    ] = None,
) -> None:
    """Make a request and print the body of the answer. It is made once: nothing is tried again."""
    if method.upper() not in _METHODS:
        raise Failure(f"{method!r} is none of {', '.join(_METHODS)}.", ExitCode.USAGE)
    if not path.startswith("/"):
        raise Failure(f"The path begins with a slash: /{path}.", ExitCode.USAGE)
    whole = path if path.startswith(_BESIDE_THE_API) else f"/api/v1{path}"
    answer = session.service.raw(method.upper(), whole, given.document(inline, file), dict(map(_header, headers or [])))
    try:
        session.out.value(json.loads(answer))
    except ValueError:
        session.out.text(answer.rstrip("\n"))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise Failure(f"--header {text!r}: write 'NAME: VALUE'.", ExitCode.USAGE)
    return name.strip(), value.strip()
