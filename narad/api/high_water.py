"""Back-pressure: above so many waiting tasks no more are accepted, so that a dead fleet is noticed by its clients."""

from narad.clock import Clock
from narad.errors import OverloadedError
from narad.store.tasks import Tasks

_FRESH_SECONDS = 1.0


class HighWater:
    """Knows how many tasks wait, to within a second; in that time more may come than are allowed."""

    def __init__(self, tasks: Tasks, clock: Clock, *, most_waiting: int) -> None:
        """`most_waiting` of 0 is no limit."""
        self._tasks = tasks
        self._clock = clock
        self._most_waiting = most_waiting
        self._is_full = False
        self._looked_at: float | None = None

    async def check(self) -> None:
        """See that more tasks may come.

        Raises:
            OverloadedError: as many wait as may.
        """
        if not self._most_waiting:
            return
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at > _FRESH_SECONDS:
            self._looked_at = now
            self._is_full = await self._tasks.count_waiting(self._most_waiting) >= self._most_waiting
        if self._is_full:
            raise OverloadedError(f"{self._most_waiting} tasks wait already.")
