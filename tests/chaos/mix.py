"""What clients submit meanwhile: a mix of every kind of task, some of which they cancel."""

from random import Random
from typing import NamedTuple

from tests.support.load import PRIORITIES, Submission
from tests.support.tasks_api import Json

_MAX_ATTEMPTS = 3
_MOST_FAILURES = 3
_PATIENCE_SECONDS = 3.0


class Kind(NamedTuple):
    """Tasks of one kind: their share of all, and the share of them that is cancelled, both in percent."""

    handler: str
    share: int
    shortest_seconds: float
    longest_seconds: float
    cancelled: int


_KINDS = (
    Kind("faults.work", 70, 0.005, 0.1, 3),
    Kind("faults.work_thread", 8, 0.01, 0.2, 5),
    Kind("faults.work_isolated", 3, 0.01, 0.2, 10),
    Kind("faults.work", 5, 2.0, 5.0, 40),
    Kind("faults.work_thread", 2, 2.0, 5.0, 40),
    Kind("faults.work_isolated", 2, 2.0, 5.0, 40),
    Kind("faults.falter", 10, 0, 0, 10),
)


class Mix:
    """Draws one submission after the other."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def __call__(self, number: int) -> Submission:
        """The next submission; all that is random is drawn from the dice."""
        (kind,) = self._dice.choices(_KINDS, [kind.share for kind in _KINDS])
        body = {
            "name": f"task {number}",
            "handler": kind.handler,
            "payload": self._payload(kind),
            "priority": self._dice.choice(PRIORITIES),
            "max_attempts": _MAX_ATTEMPTS,
        }
        patience = self._dice.uniform(0, _PATIENCE_SECONDS)
        return Submission(body, patience if self._dice.uniform(0, 100) < kind.cancelled else None)

    def _payload(self, kind: Kind) -> Json:
        if kind.handler == "faults.falter":
            return {"failures": self._dice.randint(1, _MOST_FAILURES)}
        return {"seconds": self._dice.uniform(kind.shortest_seconds, kind.longest_seconds)}
