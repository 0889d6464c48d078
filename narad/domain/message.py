"""What the broker carries: the version of the message and the id of a task, never a payload or a status."""

import json
from uuid import UUID

VERSION = 1

_LONGEST_SHOWN = 100


class UndecodableMessageError(ValueError):
    """The bytes are not a message of ours; the text says why, for the dead-letter queue."""


def encode(task_id: UUID) -> bytes:
    """The message that says: look at this task."""
    return b'{"v":%d,"id":"%s"}' % (VERSION, str(task_id).encode())


def encode_stop(task_id: UUID, attempt: int) -> bytes:
    """The order to stop an attempt."""
    return b'{"v":%d,"id":"%s","attempt":%d}' % (VERSION, str(task_id).encode(), attempt)


def decode_stop(body: bytes) -> tuple[UUID, int]:
    """The task id and the attempt of an order to stop.

    Raises:
        UndecodableMessageError: the body is not such an order.
    """
    task_id = decode(body)
    attempt = json.loads(body).get("attempt")
    if not isinstance(attempt, int) or isinstance(attempt, bool):
        raise UndecodableMessageError("attempt is not a number")
    return task_id, attempt


def decode(body: bytes) -> UUID:
    """The task id inside a message.

    Raises:
        UndecodableMessageError: the body is not JSON of the expected form, or of another version.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UndecodableMessageError("the body is not JSON") from error
    if not isinstance(fields, dict):
        raise UndecodableMessageError("the body is not a JSON object")
    if fields.get("v") != VERSION or isinstance(fields["v"], bool):
        raise UndecodableMessageError(f"version {_shown(fields.get('v'))} is not {VERSION}")
    try:
        return UUID(fields["id"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UndecodableMessageError(f"id {_shown(fields.get('id'))} is not a UUID") from error


def _shown(value: object) -> str:
    """A foreign value as it fits into a header of the dead-letter queue."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."
