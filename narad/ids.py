"""Identifiers: UUID version 7 (RFC 9562, section 5.7), so that keys grow with time and inserts stay in order."""

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A fresh UUIDv7, monotonic within this process."""
    return UUID(int=uuid_utils.uuid7().int)
