"""Requests and answers without the network.

What the clients do is written once, as generators: they yield a `Call` or a `Pause`, are sent the `Answer`, and return
what the caller wanted. A shell carries the steps out, blocking or not: `narad/client/shell.py`, `async_shell.py`.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias, TypeVar
from urllib.parse import quote

from narad.client.errors import UnexpectedAnswer
from narad.client.problem import Response
from narad.client.words import Json

T = TypeVar("T")
API = "/api/v1"
UNCHANGED = 304
_ERROR = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to be made."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0
    """How much longer than others the service may take to answer."""
    repeatable: bool = True
    """Whether it may be made again where it is not known whether the service has carried it out."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is to be done for so long."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whole."""

    response: Response
    body: bytes

    @property
    def is_error(self) -> bool:
        """Whether the service said no."""
        return self.response.status >= _ERROR

    def json(self) -> Json:
        """The body.

        Raises:
            UnexpectedAnswer: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise UnexpectedAnswer(
                f"The answer is not JSON (HTTP status {self.response.status}). Is this address a Narad?"
            ) from error


Step: TypeAlias = Call | Pause
Flow: TypeAlias = Generator[Step, Answer | None, T]
"""A course of steps that ends with a value."""


def ask(call: Call) -> Flow[Answer]:
    """Make one request."""
    answer = yield call
    if answer is None:
        raise TypeError("a request was answered with nothing")
    return answer


def rest(seconds: float) -> Flow[None]:
    """Do nothing for so long."""
    yield Pause(seconds)


def path(*parts: str) -> str:
    """The path of a thing of the API; ids and names may hold anything."""
    return "/".join([API, *(quote(part, safe="") for part in parts)])


def json_body(value: object) -> bytes:
    """A body, as the service takes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def query_of(fields: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Parameters; a field with several values is repeated, one that is None is left out."""
    found: list[tuple[str, str]] = []
    for name, value in fields.items():
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [] if value is None else [value]
        found += [(name, as_text(one)) for one in values]
    return tuple(found)


def as_text(value: object) -> str:
    """A value as a parameter has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return moment_text(value) if isinstance(value, datetime) else str(value)


def moment_text(moment: datetime | str) -> str:
    """A time as the service reads it.

    Raises:
        ValueError: it has no zone, so that it could be any of many times.
    """
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{moment!r} has no time zone; give it one, such as datetime.now(UTC)")
        return moment.isoformat()
    return moment
