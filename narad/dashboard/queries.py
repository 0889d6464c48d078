"""The parameters of a page: as in the API, by the same models; but a form leaves fields empty, and links grow old."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar, get_origin
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, ValidationError

PAGE_PARAMETERS: Final = frozenset({"lang", "live"})
"""Of every page."""
Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked(Generic[Q]):
    """What a page is asked for. `wrong` says by parameter what cannot be understood, `unknown` is left out."""

    query: Q
    wrong: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def asked(request: Request, model: type[Q], *, besides: Collection[str] = ()) -> Asked[Q]:
    """The parameters of a request as the model has them; fields left empty are not given.

    `besides` are parameters of the page alone.
    """
    apart = PAGE_PARAMETERS.union(besides)
    given = _by_name((name, value) for name, value in request.query_params.multi_items() if value and name not in apart)
    unknown = tuple(sorted(given.keys() - model.model_fields.keys()))
    known = {name: _value(model, name, values) for name, values in given.items() if name not in unknown}
    try:
        return Asked(model.model_validate(known), unknown=unknown)
    except ValidationError as error:
        wrong = {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in error.errors()}
        rest = {name: value for name, value in known.items() if name not in wrong}
        return Asked(model.model_validate(rest), wrong, unknown)


def address_with(request: Request, changes: Mapping[str, object]) -> str:
    """The address of this page with other parameters; None takes one away, and its page of the list with it."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if value and name not in changes]
    if "cursor" not in changes:
        kept = [(name, value) for name, value in kept if name != "cursor"]
    for name, value in changes.items():
        values = value if isinstance(value, list | tuple) else [value]
        kept += [(name, str(one)) for one in values if one is not None]
    text = urlencode(kept)
    return f"{request.url.path}{'?' if text else ''}{text}"


def _by_name(items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return found


def _value(model: type[BaseModel], name: str, values: list[str]) -> object:
    """All values of a parameter that may repeat, else the last one."""
    return values if get_origin(model.model_fields[name].annotation) is list else values[-1]
