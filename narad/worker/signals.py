"""What a handler raises to steer its outcome. None of these is an error of the service, hence the plain names."""


class Snooze(Exception):  # noqa: N818 - read as a verb where it is raised
    """Run this task again in `seconds`; the attempt is not charged."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"snoozed for {seconds} s")
        self.seconds = seconds


class Retry(Exception):  # noqa: N818 - read as a verb where it is raised
    """The attempt failed; try again in `after` seconds, or by the usual back-off. Charged as any failure."""

    def __init__(self, reason: str = "The handler asked for a retry.", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Fatal(Exception):  # noqa: N818 - read as a verb where it is raised
    """The task failed for good: no further attempt, whatever its allowance."""


class TaskCancelled(Exception):  # noqa: N818 - what `Context.raise_if_cancelled` raises
    """The task was asked to stop."""
