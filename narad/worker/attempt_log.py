"""The lines that one attempt logs: numbered and counted, from any thread."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias

from narad.clock import Clock
from narad.domain.log_line import LONGEST_LINE, MOST_LINES, LogLevel, LogLine
from narad.domain.task import ClaimedTask
from narad.worker.words import storable

Keep: TypeAlias = Callable[[LogLine], None]

_AT_ONCE: Final = timedelta(0)


class AttemptLog:
    """Numbers lines up to the most that are kept of an attempt, and counts the others.

    It holds no lock: a signal may interrupt a handler that logs anywhere. Taking a number is one step.
    """

    def __init__(self, task: ClaimedTask, clock: Clock, keep: Keep) -> None:
        self._task = task
        self._clock = clock
        self._keep = keep
        self._numbers = itertools.count(1)
        self._closed = False

    def add(self, level: LogLevel, message: str) -> None:
        """Keep a line, or count it."""
        if self._closed:
            return
        number = next(self._numbers)
        if number <= MOST_LINES:
            # Cut first, for the text may be huge, and afterwards, for escapes make it longer.
            self.put(number, level, storable(message[:LONGEST_LINE])[:LONGEST_LINE])

    def put(self, number: int, level: LogLevel, message: str, age: timedelta = _AT_ONCE) -> None:
        """Keep a line that has its number, and is of an age."""
        at = self._clock.now() - age
        line = LogLine(
            task_id=self._task.id, attempt=self._task.attempt, number=number, at=at, level=level, message=message
        )
        self._keep(line)

    def close(self) -> None:
        """Take no more, and say in a last line how many were left out, if any."""
        if self._closed:
            return
        self._closed = True
        left_out = next(self._numbers) - 1 - MOST_LINES
        if left_out > 0:
            text = f"{left_out} more lines were left out; of an attempt the first {MOST_LINES} are kept."
            self.put(MOST_LINES + 1, LogLevel.WARNING, text)
