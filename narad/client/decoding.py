"""From JSON to frozen dataclasses, by their annotations. Fields that are not known are left out."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from narad.client.errors import UnexpectedAnswer
from narad.client.words import Json

T = TypeVar("T")
_Read: TypeAlias = Callable[[Json], object]


def decode(cls: type[T], said: Json) -> T:
    """The value that JSON describes.

    Raises:
        UnexpectedAnswer: it is not what the service says of such a thing.
    """
    read = _reader(cast("Hashable", cls))
    try:
        return cast("T", read(said))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(
            f"The answer does not describe a {cls.__name__} ({type(error).__name__}: {error}). "
            "Is this address a Narad, and of a version like that of this client?"
        ) from error


def decode_all(cls: type[T], said: Json) -> tuple[T, ...]:
    """The values that a list describes.

    Raises:
        UnexpectedAnswer: it is none of what the service says of such things.
    """
    if not isinstance(said, Mapping) or not isinstance(said.get("items"), list):
        raise UnexpectedAnswer(f"The answer has no list of {cls.__name__}. Is this address a Narad?")
    return tuple(decode(cls, item) for item in said["items"])


@cache
def _reader(hint: Hashable) -> _Read:
    origin, parts = get_origin(hint), get_args(hint)
    if hint is datetime:
        return datetime.fromisoformat
    if origin in {Union, UnionType}:
        (bare,) = [part for part in parts if part is not NoneType]
        read = _reader(bare)
        return lambda said: None if said is None else read(said)
    if origin is tuple:
        read = _reader(parts[0])
        return lambda said: tuple([read(one) for one in said])
    if origin is Mapping:
        read = _reader(parts[1])
        return lambda said: {name: read(one) for name, one in said.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return _fields_reader(hint)
    return lambda said: said


def _fields_reader(cls: type[Any]) -> _Read:
    hints = get_type_hints(cls)
    known = [
        (field.name, field.metadata.get("key", field.name), _reader(hints[field.name]), _is_needed(field))
        for field in fields(cls)
        if field.init
    ]

    def read(said: Json) -> object:
        return cls(**{name: of(said[key]) for name, key, of, needed in known if needed or key in said})

    return read


def _is_needed(field: Any) -> bool:  # noqa: ANN401 - dataclasses.Field, which is generic for type checkers alone
    return field.default is MISSING and field.default_factory is MISSING
