"""The whole installation in figures, for metrics: read now and then by one process, in a few bounded statements."""

from datetime import datetime

from narad.domain.fleet import Installed
from narad.domain.task import Lane
from narad.store.load import Load
from narad.store.queues import Queues
from narad.store.statistics import Statistics

MOST_MEASURED = 200
"""Queues whose ages are told, the first by name."""


class Figures:
    """Figures of all queues, workers and tasks."""

    def __init__(self, queues: Queues, statistics: Statistics, load: Load) -> None:
        self._queues = queues
        self._statistics = statistics
        self._load = load

    async def read(self, *, now: datetime) -> Installed:
        """The installation as it is."""
        statuses = await self._statistics.status_counts()
        load = await self._load.look(now=now)
        names = sorted(await self._queues.names())[:MOST_MEASURED]
        ages = {
            Lane(queue, priority): 0.0 if since is None else max(0.0, (now - since).total_seconds())
            for (queue, priority), since in (await self._queues.oldest(names, now=now)).items()
        }
        return Installed(
            tasks={status: count.value for status, count in statuses.counts.items()},
            oldest_seconds=ages,
            backlog=load.due.value,
            backlog_seconds=0.0 if load.due_since is None else (now - load.due_since).total_seconds(),
            workers=load.workers,
            busy_slots=load.busy,
            free_slots=max(0, load.slots - load.busy),
        )
