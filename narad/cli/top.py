"""`narad top`: the service at a glance, full screen."""

import importlib.util
from typing import Annotated

import typer

from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session

EXAMPLES = ("narad top", "narad top --every 5 --url https://narad.example.org")


def top(
    session: Session,
    every: Annotated[float, typer.Option("--every", min=0.5, max=60, help="Seconds between two looks.")] = 2,
) -> None:
    """Show statistics, queues, workers and running tasks on a full screen that renews itself; q ends it."""
    if importlib.util.find_spec("textual") is None:
        raise Failure("narad top needs Textual, which is an extra. Run: pip install 'narad[tui]'")
    if not session.out.look.terminal:
        raise Failure("narad top needs a terminal; for programs there is narad stats -o json.", ExitCode.USAGE)
    from narad.cli.top_screen import TopScreen  # noqa: PLC0415 - loaded when needed

    screen = TopScreen(session, every)
    screen.run()
    if screen.failure is not None:
        raise screen.failure
    if screen.return_code:
        raise typer.Exit(screen.return_code)
