"""The full screen of `narad top`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static
from typing_extensions import override

from narad.cli import queues, workers
from narad.cli.columns import Column, Kind, Shown, TimeFormat, utc_now, written
from narad.cli.exits import ExitCode
from narad.cli.failure import Failure
from narad.cli.session import Session

_MOST = 50
_RUNNING = (
    Column("id", "id"),
    Column("name", "name"),
    Column("priority", "priority"),
    Column("handler", "handler"),
    Column("progress", "progress.value", Kind.PERCENT),
    Column("said", "progress.message"),
    Column("started", "started_at", Kind.TIME),
)


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look found."""

    stats: Shown
    queues: Sequence[Shown]
    workers: Sequence[Shown]
    running: Sequence[Shown]


def look(session: Session) -> Glance:
    """Ask the service for all that is shown."""
    return Glance(
        stats=session.get("/stats", window="5m"),
        queues=[queues.in_brief(one) for one in session.get("/queues")["items"]],
        workers=session.get("/workers", state=["online", "quiet", "draining"], limit=_MOST)["items"],
        running=session.get("/tasks", status="IN_PROGRESS", limit=_MOST)["items"],
    )


class TopScreen(App[None]):
    """Statistics above, then queues, workers and running tasks."""

    CSS = "#stats { height: auto; padding: 0 1; } DataTable { height: 1fr; } #queues, #workers { max-height: 30%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("r", "renew", "Renew now"),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, session: Session, every_seconds: float) -> None:
        super().__init__()
        self.failure: Failure | None = None
        self._session = session
        self._every_seconds = every_seconds
        self._looking = False

    @override
    def compose(self) -> ComposeResult:
        yield Static("Looking …", id="stats", markup=False)
        for name, columns in (("queues", queues.COLUMNS), ("workers", workers.COLUMNS), ("running", _RUNNING)):
            table: DataTable[Text] = DataTable(id=name, cursor_type="none")
            table.add_columns(
                *(f"{name} · {column.name}" if not at else column.name for at, column in enumerate(columns))
            )
            yield table
        yield Footer()

    def on_mount(self) -> None:
        """Look at once, and again and again."""
        self.action_renew()
        self.set_interval(self._every_seconds, self.action_renew)

    def action_interrupt(self) -> None:
        """End as other commands do at Ctrl-C, which a full screen gets as a key."""
        self.exit(return_code=ExitCode.INTERRUPTED)

    def action_renew(self) -> None:
        """Look now, beside the screen, unless a look is under way."""
        if not self._looking:
            self._looking = True
            self.run_worker(self._look, thread=True)

    def _look(self) -> None:
        try:
            glance = look(self._session)
        except Failure as error:
            self.failure = error
            self.call_from_thread(self.exit)
            return
        self.call_from_thread(self._show, glance)

    def _show(self, glance: Glance) -> None:
        self._looking = False
        overall = glance.stats["overall"]
        counts = "  ".join(f"{status} {count['value']}" for status, count in glance.stats["statuses"].items())
        rate = f"{overall['finished_per_second']:.1f} finished per second, {overall['failed']} failed in five minutes"
        self.query_one("#stats", Static).update(f"{self._session.service.url}\n{counts}\n{rate}")
        self._fill("queues", glance.queues, queues.COLUMNS)
        self._fill("workers", glance.workers, workers.COLUMNS)
        self._fill("running", glance.running, _RUNNING)

    def _fill(self, name: str, items: Sequence[Shown], columns: Sequence[Column]) -> None:
        table = self.query_one(f"#{name}", DataTable)
        now = utc_now()
        table.clear()
        for item in items:
            table.add_row(*(Text(written(column, item, TimeFormat.RELATIVE, now)) for column in columns))
