"""Cursors: where a page ended, and which filters it was made with."""

import base64
import binascii
import hashlib
from uuid import UUID

from narad.api import problems
from narad.api.problems import FieldError, Problem
from narad.api.schemas import TaskQuery

_VERSION = 1
_ID_BYTES = 16
_PRINT_BYTES = 8


def encode_cursor(last: UUID, query: TaskQuery) -> str:
    """The cursor that leads past the task `last` of a page made with `query`."""
    raw = bytes([_VERSION]) + last.bytes + _fingerprint(query)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str, query: TaskQuery) -> UUID:
    """The id that the next page comes after.

    Raises:
        Problem: the cursor is not one of ours, or was made with other filters.
    """
    try:
        raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("It was not made by this service.") from None
    if len(raw) != 1 + _ID_BYTES + _PRINT_BYTES or raw[0] != _VERSION:
        raise _invalid("It was not made by this service.")
    if raw[1 + _ID_BYTES :] != _fingerprint(query):
        raise _invalid("It belongs to a list with other filters; start again without a cursor.")
    return UUID(bytes=raw[1 : 1 + _ID_BYTES])


def _fingerprint(query: TaskQuery) -> bytes:
    filters = query.model_dump_json(exclude={"cursor", "limit"})
    return hashlib.blake2b(filters.encode(), digest_size=_PRINT_BYTES).digest()


def _invalid(reason: str) -> Problem:
    error = FieldError(detail="is not a valid cursor", code="cursor", parameter="cursor")
    return Problem(problems.INVALID_CURSOR, f"The cursor cannot be used. {reason}", errors=[error])
