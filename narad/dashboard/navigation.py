"""The pages that the header leads to, for those who may open them."""

from dataclasses import dataclass

from narad.dashboard.words import N_
from narad.domain.scopes import Scope


@dataclass(frozen=True, slots=True)
class Place:
    """A page in the header: its key, its path, the letter that follows `g`, and the scope that it needs."""

    key: str
    label: str
    path: str
    letter: str
    scope: Scope


PLACES = (
    Place("overview", N_("Overview"), "/ui", "o", Scope.QUEUES_READ),
    Place("tasks", N_("Tasks"), "/ui/tasks", "t", Scope.TASKS_READ),
    Place("failures", N_("Failures"), "/ui/failures", "f", Scope.TASKS_READ),
    Place("queues", N_("Queues"), "/ui/queues", "q", Scope.QUEUES_READ),
    Place("workers", N_("Workers"), "/ui/workers", "w", Scope.WORKERS_READ),
    Place("handlers", N_("Handlers"), "/ui/handlers", "h", Scope.HANDLERS_READ),
    Place("system", N_("System"), "/ui/system", "s", Scope.WORKERS_READ),
)
"""In the order of the header."""
