"""What a stored JSON value may hold: what both databases can keep and give back unchanged."""

import math
import sys
from typing import Final

DEEPEST: Final = 32
_MOST_DIGITS: Final = sys.int_info.default_max_str_digits
"""Python reads no longer ones, as a guard against texts that take long to read."""
_MOST_BITS: Final = int(_MOST_DIGITS * math.log2(10))


class NotStorableError(ValueError):
    """A value cannot be stored; `path` leads to it, as the tokens of a JSON pointer (RFC 6901)."""

    def __init__(self, reason: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


def check_text(text: str) -> str:
    """The text, if PostgreSQL can keep it: no U+0000, no half of a surrogate pair.

    Raises:
        NotStorableError: it cannot.
    """
    if "\x00" in text:
        raise NotStorableError("must not contain the character U+0000")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise NotStorableError("must not contain half of a surrogate pair") from error
    return text


def check_json(value: object, path: tuple[str | int, ...] = ()) -> None:
    """See that a value is JSON that can be stored: texts as above, finite numbers, at most 32 levels.

    Raises:
        NotStorableError: it is not.
    """
    if len(path) > DEEPEST:
        raise NotStorableError(f"must not be nested deeper than {DEEPEST} levels", path)
    match value:
        case None | bool():
            return
        case int() | float():
            _check_number(value, path)
        case str():
            _check_text_at(value, path)
        case dict():
            _check_members(value, path)
        case list() | tuple():
            for index, item in enumerate(value):
                check_json(item, (*path, index))
        case _:
            raise NotStorableError(f"{type(value).__name__} is not JSON", path)


def _check_number(value: float, path: tuple[str | int, ...]) -> None:
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise NotStorableError(f"must be a number of at most {_MOST_DIGITS} digits", path)
    elif not math.isfinite(value):
        raise NotStorableError("must be a finite number", path)


def _check_members(value: dict[object, object], path: tuple[str | int, ...]) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise NotStorableError("must have texts as keys", path)
        _check_text_at(key, path)
        check_json(item, (*path, key))


def _check_text_at(text: str, path: tuple[str | int, ...]) -> None:
    try:
        check_text(text)
    except NotStorableError as error:
        raise NotStorableError(error.reason, path) from error
