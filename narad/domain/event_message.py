"""Events as the broker carries them: a numbered batch in a message, so that a receiver sees that one is missing."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from narad.domain.event import EventType, TaskEvent
from narad.domain.message import VERSION, UndecodableMessageError
from narad.domain.status import Priority, Status


def encode(number: int, events: Sequence[TaskEvent]) -> bytes:
    """The message of a batch; `number` counts the batches of one sender."""
    rows = [
        [e.type, e.id.hex, e.at.isoformat(), e.status, e.priority, e.handler, e.queue, e.attempt, e.version]
        for e in events
    ]
    return json.dumps({"v": VERSION, "n": number, "events": rows}, separators=(",", ":")).encode()


def decode(body: bytes) -> tuple[int, list[TaskEvent]]:
    """The number of a batch, and its events.

    Raises:
        UndecodableMessageError: the body is not such a message, or of another version.
    """
    try:
        fields = json.loads(body)
        version, number, rows = fields["v"], int(fields["n"]), fields["events"]
        events = [_event(row) for row in rows] if version == VERSION else []
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UndecodableMessageError(f"not a batch of events: {error!r:.100}") from error
    if version != VERSION:
        raise UndecodableMessageError(f"version {version!r:.50} is not {VERSION}")
    return number, events


def _event(row: Sequence[Any]) -> TaskEvent:
    type_, id_, at, status, priority, handler, queue, attempt, version = row
    return TaskEvent(
        type=EventType(type_),
        id=UUID(id_),
        at=datetime.fromisoformat(at),
        status=None if status is None else Status(status),
        priority=None if priority is None else Priority(priority),
        handler=handler,
        queue=queue,
        attempt=attempt,
        version=version,
    )
