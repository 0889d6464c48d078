"""A list that renews itself on a terminal."""

import time
from collections.abc import Callable, Sequence

from narad.cli.columns import Column, Shown
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session

_PAUSE_SECONDS = 2.0


def watch_list(session: Session, read: Callable[[], Sequence[Shown]], columns: Sequence[Column]) -> None:
    """Show the list until Ctrl-C."""
    if not (session.out.look.terminal and session.out.look.is_table):
        raise Failure("--watch shows a table on a terminal; for programs there is narad events tail.", ExitCode.USAGE)
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    with Live(console=session.out.console(), screen=True, auto_refresh=False) as live:
        while True:
            live.update(session.out.table_of(read(), columns), refresh=True)
            time.sleep(_PAUSE_SECONDS)
