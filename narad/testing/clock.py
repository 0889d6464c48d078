"""The clock of tests: it stands still until it is moved."""

import time
from datetime import UTC, datetime, timedelta

from typing_extensions import override

from narad.clock import FollowingClock


class FrozenClock(FollowingClock):
    """Shows one time of day to everything that is given it, from any thread.

    Only the time of day stands still: `run_at`, back-off, expiry. What a process does for its own sake, such as the
    time limit of a running attempt, takes the time that it takes.
    """

    def __init__(self, start: datetime | None = None) -> None:
        """Show `start`, which has to be aware; without it, the time at which this is called."""
        super().__init__()
        self._now = datetime.now(UTC) if start is None else _utc(start)

    @override
    def now(self) -> datetime:
        return self._now

    @override
    def monotonic(self) -> float:
        return time.monotonic()

    @override
    def follow(self, offset: timedelta) -> None:
        """The time of the database does not matter here."""

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by a timedelta or so many seconds; returns the time then.

        Raises:
            ValueError: that would lead back.
        """
        return self.move_to(self._now + (by if isinstance(by, timedelta) else timedelta(seconds=by)))

    def move_to(self, at: datetime) -> datetime:
        """Move on to a time, which has to be aware; returns it.

        Raises:
            ValueError: it is earlier than the time shown, or naive.
        """
        at = _utc(at)
        if at < self._now:
            raise ValueError(f"the clock shows {self._now.isoformat()} and cannot go back to {at.isoformat()}")
        self._now = at
        return at


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; add one, such as tzinfo=UTC")
    return at.astimezone(UTC)
