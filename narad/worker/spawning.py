"""What a handler says of a follow-up task, checked where it says it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Protocol

from pydantic_core import to_json, to_jsonable_python

from narad.domain.follow_up import (
    LONGEST_SPAWN_KEY,
    MOST_CHECKPOINT_BYTES,
    MOST_FOLLOW_UPS,
    Save,
    Spawn,
    spawn_key,
)
from narad.domain.names import check_handler_name, check_queue_name
from narad.domain.status import Priority
from narad.domain.storable import check_json, check_text
from narad.domain.task import Json, JsonObject

_LONGEST_SECONDS: Final = 366 * 86_400
_LONGEST_NAME: Final = 200
_LONGEST_DESCRIPTION: Final = 10_000
_MOST_TAGS: Final = 50
_LONGEST_TAG: Final = 100
_MOST_ATTEMPTS: Final = 1_000
_MOST_PAYLOAD_BYTES: Final = 1_048_576


class Named(Protocol):
    """Something with the name of a handler, such as the handler itself."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The parts of a follow-up that may be left out, as they were given."""

    name: str | None
    description: str | None
    priority: Priority | Literal["LOW", "MEDIUM", "HIGH"] | None
    queue: str | None
    tags: Sequence[str]
    delay: float | timedelta
    timeout: float | timedelta | None
    expires_in: float | timedelta | None
    max_attempts: int | None
    key: str | None

    def check(self) -> None:
        """See that a task can be made of it.

        Raises:
            ValueError: a text is too long or cannot be stored, or a number is out of its range.
        """
        _check_length("name", self.name, _LONGEST_NAME)
        _check_length("description", self.description, _LONGEST_DESCRIPTION)
        _check_length("key", self.key, LONGEST_SPAWN_KEY)
        if self.queue is not None:
            check_queue_name(self.queue)
        if len(self.tags) > _MOST_TAGS:
            raise ValueError(f"a task has at most {_MOST_TAGS} tags, not {len(self.tags)}")
        for tag in self.tags:
            _check_length("a tag", tag, _LONGEST_TAG)
        if self.max_attempts is not None and not 1 <= self.max_attempts <= _MOST_ATTEMPTS:
            raise ValueError(f"max_attempts must be from 1 to {_MOST_ATTEMPTS}, not {self.max_attempts!r}")

    def spawn(self, handler: str, payload: JsonObject, key: str) -> Spawn:
        """What is asked for by it, under this key.

        Raises:
            ValueError: a duration is out of its range, or there is no such priority.
        """
        return Spawn(
            key=key,
            handler=handler,
            payload=payload,
            name=self.name,
            description=self.description,
            priority=None if self.priority is None else Priority(self.priority),
            queue=self.queue,
            tags=self.tags,
            delay_seconds=seconds_of("delay", self.delay) or 0.0,
            timeout_seconds=seconds_of("timeout", self.timeout),
            expires_in_seconds=seconds_of("expires_in", self.expires_in),
            max_attempts=self.max_attempts,
        )


class SpawnKeys:
    """The keys of the follow-ups of one attempt; it counts how often the same one is asked for."""

    def __init__(self) -> None:
        self._all = 0
        self._same: Counter[str] = Counter()

    def of(self, handler: str, payload: JsonObject, key: str | None) -> str:
        """The key of the next follow-up with this handler and payload, or with a key that was given.

        Raises:
            ValueError: there are too many follow-ups.
        """
        self._all += 1
        if self._all > MOST_FOLLOW_UPS:
            raise ValueError(f"an attempt creates at most {MOST_FOLLOW_UPS} follow-ups; let some create the others")
        # A key of ours has a dot after 32 digits; a given one is told from it by its first letter.
        if key is not None:
            return f"key:{key}"
        same = spawn_key(handler, payload, 0)
        self._same[same] += 1
        return spawn_key(handler, payload, self._same[same])


def name_of(handler: str | Named) -> str:
    """The name of a handler that is given as such or by its name."""
    return check_handler_name(handler if isinstance(handler, str) else handler.name)


def json_payload(payload: Mapping[str, object] | None) -> JsonObject:
    """A payload as JSON.

    Raises:
        ValueError: it cannot be stored, or is too large.
    """
    value: JsonObject = to_jsonable_python(dict(payload or {}))
    check_json(value)
    if (size := len(to_json(value))) > _MOST_PAYLOAD_BYTES:
        raise ValueError(f"a payload has at most {_MOST_PAYLOAD_BYTES} bytes of JSON, not {size}; pass where it is")
    return value


def checkpoint_of(value: object) -> Save:
    """A checkpoint as JSON.

    Raises:
        ValueError: it cannot be stored, or is too large.
    """
    checkpoint: Json = to_jsonable_python(value)
    check_json(checkpoint)
    if (size := len(to_json(checkpoint))) > MOST_CHECKPOINT_BYTES:
        raise ValueError(
            f"a checkpoint has at most {MOST_CHECKPOINT_BYTES} bytes of JSON, not {size}; store the rest elsewhere"
        )
    return Save(checkpoint=checkpoint)


def seconds_of(what: str, duration: float | timedelta | None) -> float | None:
    """A duration in seconds.

    Raises:
        ValueError: it is below 0 or longer than a year.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds is not None and not 0 <= seconds <= _LONGEST_SECONDS:
        raise ValueError(f"{what} must be from 0 to {_LONGEST_SECONDS} seconds, not {seconds!r}")
    return seconds


def _check_length(what: str, text: str | None, longest: int) -> None:
    if text is None:
        return
    check_text(text)
    if not text.strip() or len(text) > longest:
        raise ValueError(f"{what} must have 1 to {longest} characters that show")
