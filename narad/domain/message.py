"""What the broker carries: the version of the message and the ids of tasks, never a payload or a status."""

import json
from typing import Any
from uuid import UUID

VERSION = 1
MOST_IDS = 16
"""Tasks that one message may speak of, where a lane has a backlog."""

_LONGEST_SHOWN = 100


class UndecodableMessageError(ValueError):
    """The bytes are not a message of ours; the text says why, for the dead-letter queue."""


def encode(*task_ids: UUID) -> bytes:
    """The message that says: look at these tasks."""
    return b'{"v":%d,"ids":["%s"]}' % (VERSION, '","'.join(map(str, task_ids)).encode())


def encode_stop(task_id: UUID, attempt: int) -> bytes:
    """The order to stop an attempt."""
    return b'{"v":%d,"id":"%s","attempt":%d}' % (VERSION, str(task_id).encode(), attempt)


def decode(body: bytes) -> tuple[UUID, ...]:
    """The task ids inside a message, one at least.

    Raises:
        UndecodableMessageError: the body is not JSON of the expected form, or of another version.
    """
    ids = _fields(body).get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= MOST_IDS:
        raise UndecodableMessageError(f"ids {_shown(ids)} is not a list of 1 to {MOST_IDS}")
    return tuple(map(_id, ids))


def decode_stop(body: bytes) -> tuple[UUID, int]:
    """The task id and the attempt of an order to stop.

    Raises:
        UndecodableMessageError: the body is not such an order.
    """
    fields = _fields(body)
    attempt = fields.get("attempt")
    if not isinstance(attempt, int) or isinstance(attempt, bool):
        raise UndecodableMessageError("attempt is not a number")
    return _id(fields.get("id")), attempt


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UndecodableMessageError("the body is not JSON") from error
    if not isinstance(fields, dict):
        raise UndecodableMessageError("the body is not a JSON object")
    if fields.get("v") != VERSION or isinstance(fields["v"], bool):
        raise UndecodableMessageError(f"version {_shown(fields.get('v'))} is not {VERSION}")
    return fields


def _id(value: object) -> UUID:
    try:
        return UUID(value)  # type: ignore[arg-type] # whatever it is, it is an id or refused
    except (TypeError, ValueError, AttributeError) as error:
        raise UndecodableMessageError(f"id {_shown(value)} is not a UUID") from error


def _shown(value: object) -> str:
    """A foreign value as it fits into a header of the dead-letter queue."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."
