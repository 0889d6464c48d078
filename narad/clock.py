"""Time as a dependency: whoever needs the hour is given a clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day, for the store, and a steady count of seconds, for waits and ages."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class FollowingClock:
    """The clock of this machine, put right by its difference from the one that counts."""

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        return time.monotonic()

    def follow(self, offset: timedelta) -> None:
        """Show a time that is so much ahead of this machine's."""
        self._offset = offset


class ManualClock:
    """A clock that stands still until it is moved: time under control, for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Move both readings on."""
        self._now += by
        self._monotonic += by.total_seconds()
