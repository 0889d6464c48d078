"""What an attempt asks of the store while it runs: to keep its checkpoint, and to create follow-up tasks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeAlias

from narad.domain.status import Priority
from narad.domain.task import Json, JsonObject

MOST_CHECKPOINT_BYTES: Final = 65_536
"""A checkpoint says where to go on; what was made is kept elsewhere."""
MOST_FOLLOW_UPS: Final = 10_000
"""Follow-ups of one attempt: a handler that has more to do lets some of them create the others."""
LONGEST_SPAWN_KEY: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Keep this as the checkpoint of the task."""

    checkpoint: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """Create a follow-up task, unless the task has one of this key; None leaves a value to the handler."""

    key: str
    handler: str
    payload: JsonObject
    name: str | None = None
    description: str | None = None
    priority: Priority | None = None
    queue: str | None = None
    tags: Sequence[str] = ()
    delay_seconds: float = 0.0
    timeout_seconds: float | None = None
    expires_in_seconds: float | None = None
    max_attempts: int | None = None


Request: TypeAlias = Save | Spawn


def spawn_key(handler: str, payload: JsonObject, number: int) -> str:
    """The key of the `number`-th follow-up with this handler and payload: the same in each attempt.

    The place in the order of all follow-ups would not do: an attempt that goes on from a checkpoint begins later.
    """
    text = json.dumps([handler, payload], sort_keys=True, separators=(",", ":"))
    return f"{blake2b(text.encode(), digest_size=16).hexdigest()}.{number}"
