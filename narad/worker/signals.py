"""What a handler raises to steer its outcome. None of these is an error of the service, hence the plain names."""

import math
from datetime import timedelta
from numbers import Real


class Snooze(Exception):  # noqa: N818 - read as a verb where it is raised
    """Run this task again in `seconds`; the attempt is not charged."""

    def __init__(self, seconds: float | timedelta) -> None:
        """A wait below 0 is none.

        Raises:
            TypeError: the wait is neither a number of seconds nor a timedelta.
            ValueError: it is not a number.
        """
        self.seconds = _seconds(seconds)
        super().__init__(f"snoozed for {self.seconds} s")


class Retry(Exception):  # noqa: N818 - read as a verb where it is raised
    """The attempt failed; try again in `after` seconds, or by the usual back-off. Charged as any failure."""

    def __init__(
        self, reason: str = "The handler asked for a retry.", *, after: float | timedelta | None = None
    ) -> None:
        """A wait below 0 is none.

        Raises:
            TypeError: the wait is neither a number of seconds nor a timedelta.
            ValueError: it is not a number.
        """
        super().__init__(reason)
        self.after = None if after is None else _seconds(after)


class Fatal(Exception):  # noqa: N818 - read as a verb where it is raised
    """The task failed for good: no further attempt, whatever its allowance."""


class SpawnError(Exception):
    """A follow-up task cannot be created as it was asked for; the text says why."""


class TaskCancelled(Exception):  # noqa: N818 - what `Context.raise_if_cancelled` raises
    """The task was asked to stop."""


def _seconds(wait: object) -> float:
    if isinstance(wait, timedelta):
        return wait.total_seconds()
    if isinstance(wait, bool) or not isinstance(wait, Real):
        raise TypeError(f"a wait must be a number of seconds or a timedelta, not {type(wait).__name__}")
    seconds = float(wait)
    if math.isnan(seconds):
        raise ValueError("a wait must be a number of seconds, not nan")
    return seconds
