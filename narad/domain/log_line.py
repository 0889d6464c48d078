"""What a handler says about its work, line by line."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

MOST_LINES: Final = 1_000
"""Lines that are kept of an attempt; one more may say how many were left out."""
LONGEST_LINE: Final = 2_000
"""Characters of a line."""


class LogLevel(StrEnum):
    """How much a line matters. The order of the members is the order of their codes in the store."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line; `number` counts those of its attempt, from 1."""

    task_id: UUID
    attempt: int
    number: int
    at: datetime
    level: LogLevel
    message: str
