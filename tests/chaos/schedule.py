"""When which fault strikes: decided before anything runs, by the seed alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

_SHORTEST_PAUSE_SECONDS = 6.0
_LONGEST_PAUSE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Appointment:
    """A fault to come. Where the one before it takes longer than the time between them, it strikes right after."""

    at_seconds: float
    kind: str
    choice: float
    """At least 0 and below 1: the victim."""


def draw(dice: Random, kinds: Sequence[str], seconds: float) -> list[Appointment]:
    """Faults for so many seconds."""
    appointments = []
    at_seconds = 0.0
    for kind in _rounds(dice, kinds):
        at_seconds += dice.uniform(_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        if at_seconds > seconds:
            break
        appointments.append(Appointment(at_seconds, kind, dice.random()))
    return appointments


def _rounds(dice: Random, kinds: Sequence[str]) -> Iterator[str]:
    """Every kind once in a random order, then again in another."""
    while True:
        yield from dice.sample(kinds, len(kinds))
