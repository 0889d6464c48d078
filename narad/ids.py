"""Identifiers: UUID version 7 (RFC 9562, section 5.7), so that keys grow with time and inserts stay in order."""

from datetime import datetime
from uuid import UUID

import uuid_utils

_TIME_SHIFT = 80
_LEAST = 0x7 << 76 | 0x2 << 62
"""Version and variant, with every random bit 0."""


def new_id() -> UUID:
    """A fresh UUIDv7, monotonic within this process."""
    return UUID(int=uuid_utils.uuid7().int)


def first_id_at(moment: datetime) -> UUID:
    """The least id that can have been made at an aware moment, to within a millisecond."""
    milliseconds = max(0, int(moment.timestamp() * 1_000))
    return UUID(int=milliseconds << _TIME_SHIFT | _LEAST)
