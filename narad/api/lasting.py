"""Requests that last, waits and streams: one key has only so many at a time, so that the others find room."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from narad.api import problems
from narad.api.caller import Caller
from narad.api.problems import Problem

_RETRY_SECONDS = 5


class Lasting:
    """Counts them by key, in this process. Who has no key has no limit of their own."""

    def __init__(self, most: int) -> None:
        """`most` is for each key."""
        self._most = most
        self._open: Counter[str] = Counter()

    def begin(self, caller: Caller) -> bool:
        """Count one more, to be ended by `end`; False where the key has as many as it may."""
        if caller.key_id is None:
            return True
        if self._open[caller.key_id] >= self._most:
            return False
        self._open[caller.key_id] += 1
        return True

    def end(self, caller: Caller) -> None:
        """Count one less."""
        if caller.key_id is None:
            return
        self._open[caller.key_id] -= 1
        if not self._open[caller.key_id]:
            del self._open[caller.key_id]

    @contextmanager
    def stream(self, caller: Caller) -> Iterator[None]:
        """Count a stream as long as it is open.

        Raises:
            Problem: the key has as many as it may.
        """
        if not self.begin(caller):
            detail = (
                f"Your key has {self._most} streams and waits open already, as many as it may. Close one, or follow "
                "several tasks in one stream, with task_id repeated."
            )
            raise Problem(problems.QUOTA_EXCEEDED, detail, headers={"Retry-After": str(_RETRY_SECONDS)})
        try:
            yield
        finally:
            self.end(caller)
