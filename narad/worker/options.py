"""The options of a handler: how its tasks are run where they do not say themselves."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from narad.domain.retry import Shape
from narad.domain.status import Priority
from narad.domain.task import JsonObject

LONGEST_SECONDS: Final = 366 * 86_400
_LONGEST_VERSION: Final = 100
_MOST_PATHS: Final = 100
_PATH: Final = re.compile(r"[^.\x00]{1,100}(\.[^.\x00]{1,100}){0,9}")

Backoff: TypeAlias = Shape | Callable[[int], float]
"""How the wait grows with each failure, or a function that tells it of their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How tasks of a handler are run where they do not say themselves; None leaves it to the settings."""

    queue: str = "default"
    priority: Priority | None = None
    timeout_seconds: float | None = None
    expires_in_seconds: float | None = None
    max_attempts: int | None = None
    backoff: Backoff | None = None
    backoff_seconds: float | None = None
    backoff_cap_seconds: float | None = None
    jitter: bool | None = None
    retry_on: tuple[type[BaseException], ...] = field(default=(Exception,))
    isolation: Literal["process"] | None = None
    redact: tuple[str, ...] = ()
    version: str | None = None

    def as_json(self) -> JsonObject:
        """What the catalogue shows of them."""
        backoff = getattr(self.backoff, "__name__", "function") if callable(self.backoff) else self.backoff
        return {
            "priority": self.priority,
            "timeout_seconds": self.timeout_seconds,
            "expires_in_seconds": self.expires_in_seconds,
            "max_attempts": self.max_attempts,
            "backoff": backoff,
            "backoff_seconds": self.backoff_seconds,
            "backoff_cap_seconds": self.backoff_cap_seconds,
            "jitter": self.jitter,
            "isolation": self.isolation,
            "redact": list(self.redact) or None,
            "version": self.version,
        }


def check_options(name: str, options: Options) -> None:
    """See that options can be meant.

    Raises:
        ValueError: one is not valid; the text names the handler, the option and what it may be.
    """
    for what in ("timeout_seconds", "expires_in_seconds", "backoff_seconds", "backoff_cap_seconds"):
        _check_seconds(name, what.removesuffix("_seconds") if what[0] in "te" else what, getattr(options, what))
    number: object = options.max_attempts
    if number is not None and (not isinstance(number, int) or number < 1):
        raise ValueError(f"handler {name!r}: max_attempts must be a whole number from 1 on, not {number!r}")
    if options.backoff is not None and not callable(options.backoff) and options.backoff not in get_args(Shape):
        words = ", ".join(get_args(Shape))
        raise ValueError(f"handler {name!r}: backoff must be one of {words} or a function, not {options.backoff!r}")
    if options.jitter not in {None, True, False}:
        raise ValueError(f"handler {name!r}: jitter must be True or False, not {options.jitter!r}")
    if options.version is not None and not 0 < len(options.version) <= _LONGEST_VERSION:
        raise ValueError(f"handler {name!r}: version must have 1 to {_LONGEST_VERSION} characters")
    _check_exceptions(name, options.retry_on)
    _check_paths(name, options.redact)


def _check_seconds(name: str, what: str, number: object) -> None:
    if number is None:
        return
    if not isinstance(number, (int, float)) or not 0 < number <= LONGEST_SECONDS:
        raise ValueError(
            f"handler {name!r}: {what} must be a number of seconds above 0 and up to {LONGEST_SECONDS}, not {number!r}"
        )


def _check_exceptions(name: str, kinds: object) -> None:
    if not isinstance(kinds, tuple) or not all(
        isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds
    ):
        raise ValueError(f"handler {name!r}: retry_on must be a tuple of exception classes, not {kinds!r}")


def _check_paths(name: str, paths: Sequence[object]) -> None:
    if len(paths) > _MOST_PATHS:
        raise ValueError(f"handler {name!r}: redact may name {_MOST_PATHS} paths, not {len(paths)}")
    for path in paths:
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise ValueError(
                f"handler {name!r}: redact must name places in the payload such as 'password' or 'card.number', "
                f"not {path!r}"
            )
