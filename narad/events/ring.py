"""The latest events of a process, numbered, for clients that come back after a short break."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex

from narad.domain.event import TaskEvent

_EPOCH_BYTES = 6


@dataclass(frozen=True, eq=False)
class Numbered:
    """An event with its place in the ring; the place is what a client sends back to go on from there."""

    event: TaskEvent
    epoch: str
    number: int

    @cached_property
    def place(self) -> str:
        """Its id on the wire."""
        return f"{self.epoch}-{self.number}"


@dataclass
class Ring:
    """Numbers events and keeps the latest of them.

    An epoch is a time without a gap. Numbers of another one, or of another process, say nothing here.
    """

    size: int
    _epoch: str = field(default_factory=lambda: token_hex(_EPOCH_BYTES))
    _number: int = 0

    def __post_init__(self) -> None:
        self._kept: deque[Numbered] = deque(maxlen=self.size)

    @property
    def place(self) -> str:
        """That of the latest event."""
        return f"{self._epoch}-{self._number}"

    def add(self, event: TaskEvent) -> Numbered:
        """Number an event and keep it."""
        self._number += 1
        numbered = Numbered(event, self._epoch, self._number)
        self._kept.append(numbered)
        return numbered

    def restart(self) -> None:
        """Begin another epoch: something is missing."""
        self._epoch = token_hex(_EPOCH_BYTES)
        self._number = 0
        self._kept.clear()

    def after(self, place: str) -> Sequence[Numbered] | None:
        """The events that came after this one; None where that cannot be told."""
        epoch, _, text = place.rpartition("-")
        if epoch != self._epoch or not text.isascii() or not text.isdecimal() or len(text) > len(str(self._number)):
            return None
        missing = self._number - int(text)
        if not 0 <= missing <= len(self._kept):
            return None
        return list(self._kept)[len(self._kept) - missing :]
