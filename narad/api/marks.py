"""Cursors of the short lists, keys and audit: the place of the last item, made opaque."""

import base64
import binascii

from narad.api import problems
from narad.api.problems import FieldError, Problem


def write_mark(place: str) -> str:
    """The cursor that leads past a place."""
    return base64.urlsafe_b64encode(place.encode("ascii")).rstrip(b"=").decode()


def read_mark(cursor: str) -> str:
    """The place that a cursor leads past.

    Raises:
        Problem: it is not one of ours.
    """
    try:
        raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return raw.decode("ascii")
    except (binascii.Error, ValueError):
        raise foreign_cursor() from None


def foreign_cursor() -> Problem:
    """The problem of a cursor that is none of ours."""
    error = FieldError(detail="is not a valid cursor", code="cursor", parameter="cursor")
    detail = "The cursor cannot be used. It was not made by this service."
    return Problem(problems.INVALID_CURSOR, detail, errors=[error])
