"""Cursors: a place between two pages of a list, signed, and bound to the filters and the order of that list."""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request

from narad.api import problems
from narad.api.problems import FieldError, Problem
from narad.api.task_query import FILTERS, SORTS, TaskQuery, to_order
from narad.domain.status import Priority
from narad.store.order import Key, Position, SortKey
from narad.store.types import EPOCH, MICROSECOND, microseconds

PURPOSE = "cursor"
"""Of the secret that cursors are signed with."""

_VERSION = 2
_SIGNATURE_BYTES = 8
_FILTER_BYTES = 8
_HEAD = struct.Struct(f">BB?q16s{_FILTER_BYTES}s")
"""Version, order, direction, the moment that ages count from, id, filters; the key comes after it."""
_MOMENT = struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after a task, or before it when read `backwards`.

    Ages such as -24h count back from `as_of`, when the first page was read: the same tasks match on every page.
    """

    position: Position
    as_of: datetime
    backwards: bool = False


def encode_cursor(cursor: Cursor, query: TaskQuery, secret: bytes) -> str:
    """The cursor as text, for the list of this query."""
    head = _HEAD.pack(
        _VERSION,
        SORTS.index(query.sort),
        cursor.backwards,
        microseconds(cursor.as_of),
        cursor.position.id.bytes,
        _filters(query),
    )
    raw = head + _key_bytes(cursor.position.key)
    return base64.urlsafe_b64encode(raw + _signature(raw, secret)).rstrip(b"=").decode()


def decode_cursor(text: str, query: TaskQuery, secret: bytes) -> Cursor:
    """The cursor that the text is.

    Raises:
        Problem: the text is not one of ours, or belongs to a list with other filters or in another order.
    """
    try:
        signed = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("It was not made by this service.") from None
    raw, signature = signed[:-_SIGNATURE_BYTES], signed[-_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(raw, secret)) or raw[:1] != bytes([_VERSION]):
        raise _invalid("It was not made by this service.")
    _, sort, backwards, as_of, task_id, filters = _HEAD.unpack_from(raw)
    if sort != SORTS.index(query.sort):
        raise _invalid("It belongs to a list in another order; start again without a cursor.")
    if filters != _filters(query):
        raise _invalid("It belongs to a list with other filters; start again without a cursor.")
    key = _key(to_order(query).key, raw[_HEAD.size :])
    return Cursor(Position(UUID(bytes=task_id), key), EPOCH + as_of * MICROSECOND, backwards)


def links(request: Request, path: str, *, following: str | None, preceding: str | None) -> str:
    """The value of a `Link` header (RFC 8288) with the pages around this one."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    place = f"{request.scope.get('root_path', '')}{path}"

    def link(relation: str, cursor: str | None) -> str:
        parameters = urlencode([*asked, *([("cursor", cursor)] if cursor else [])])
        return f'<{place}{"?" if parameters else ""}{parameters}>; rel="{relation}"'

    around = [link(relation, cursor) for relation, cursor in (("next", following), ("prev", preceding)) if cursor]
    return ", ".join([*around, link("first", None)])


def _filters(query: TaskQuery) -> bytes:
    text = query.model_dump_json(include=set(FILTERS))
    return hashlib.blake2b(text.encode(), digest_size=_FILTER_BYTES).digest()


def _signature(raw: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, raw, hashlib.sha256)[:_SIGNATURE_BYTES]


def _key_bytes(key: Key) -> bytes:
    match key:
        case None:
            return b""
        case datetime():
            return _MOMENT.pack(microseconds(key))
        case str():
            return key.encode()


def _key(sort: SortKey, raw: bytes) -> Key:
    if not raw:
        return None
    match sort:
        case SortKey.PRIORITY:
            return Priority(raw.decode())
        case SortKey.NAME:
            return raw.decode()
        case _:
            (moment,) = _MOMENT.unpack(raw)
            return EPOCH + int(moment) * MICROSECOND


def _invalid(reason: str) -> Problem:
    error = FieldError(detail="is not a valid cursor", code="cursor", parameter="cursor")
    return Problem(problems.INVALID_CURSOR, f"The cursor cannot be used. {reason}", errors=[error])
