"""The parameters of a list: its filters, its order, and which page of it."""

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Literal, TypeAlias, get_args
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, WrapValidator
from pydantic.json_schema import JsonSchemaValue

from narad.api.schemas import LONGEST_NAME, Moment, Text
from narad.domain.status import Priority, Status
from narad.domain.task import Part
from narad.store.filters import TaskFilter
from narad.store.order import Order, SortKey

DEFAULT_PAGE = 50
LARGEST_PAGE = 200
MOST_VALUES = 100
LONGEST_CURSOR = 1_500
"""Enough for a position by a name of the greatest length."""
LONGEST_AGE = timedelta(days=36_525)

Sort: TypeAlias = Literal[
    "created_at", "-created_at", "started_at", "-started_at", "finished_at", "-finished_at",
    "priority", "-priority", "name", "-name",
]  # fmt: skip
SORTS: tuple[Sort, ...] = get_args(Sort)

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_NUMBER = re.compile(r"[-+0-9.]+")
_AGE = re.compile(r"-(?P<number>[0-9]{1,10})(?P<unit>[smhdw])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def _time(value: object, _parse: object) -> datetime | timedelta:
    if isinstance(value, str) and (age := _AGE.fullmatch(value)):
        number, unit = int(age["number"]), _UNITS[age["unit"]]
        if number > LONGEST_AGE // unit:
            raise ValueError("must lie at most 100 years back")
        return -number * unit
    # A number would be taken for seconds from 1970.
    if not (isinstance(value, str) and _NUMBER.fullmatch(value)):
        with suppress(ValueError):
            return _MOMENT.validate_python(value)
    raise ValueError("must be a time with its zone such as 2026-01-31T08:00:00Z, or an age such as -24h")


def _split(values: object) -> object:
    """Read `a,b` as two values, like those of a repeated parameter."""
    if isinstance(values, list):
        return [part for value in values for part in (value.split(",") if isinstance(value, str) else [value])]
    return values


_TIME_SCHEMA: JsonSchemaValue = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        # As long as they are within `LONGEST_AGE` whatever their digits.
        {"type": "string", "pattern": "^-([0-9]{1,9}s|[0-9]{1,7}m|[0-9]{1,5}h|[0-9]{1,4}d|[0-9]{1,3}w)$"},
    ]
}
Time = Annotated[datetime | timedelta, WrapValidator(_time), WithJsonSchema(_TIME_SCHEMA)]
"""A moment, or how long ago it was: an age, counted back from when the first page was read."""

Values = Field(max_length=MOST_VALUES)


class TaskFilters(BaseModel):
    """Which tasks are meant. Repeated parameters are alternatives, different ones add up."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[list[Status], Values] = Field(default_factory=list)
    priority: Annotated[list[Priority], Values] = Field(default_factory=list)
    handler: Annotated[list[Text], Values] = Field(default_factory=list)
    queue: Annotated[list[Text], Values] = Field(default_factory=list)
    worker: Annotated[list[UUID], Values] = Field(
        default_factory=list, description="The id of the worker that runs it, or ran it last."
    )
    parent: Annotated[list[UUID], Values] = Field(
        default_factory=list, description="The id of the task whose handler created it."
    )
    tag: Annotated[list[Text], Values] = Field(default_factory=list)
    id: Annotated[list[UUID], Values] = Field(default_factory=list)
    name: Annotated[Text, Field(max_length=LONGEST_NAME)] | None = Field(
        default=None, description="A part of the name; its case is ignored."
    )
    q: Annotated[Text, Field(min_length=1, max_length=LONGEST_NAME)] | None = Field(
        default=None, description="A part of the name, a tag, or an id or its first 8 digits or more."
    )
    error_type: Annotated[Text, Field(max_length=LONGEST_NAME)] | None = Field(
        default=None, description="The type of the latest error, such as Timeout."
    )
    has_error: bool | None = Field(default=None, description="Whether an attempt has failed.")
    created_after: Time | None = Field(default=None, description="Created at this time or later; -24h is an age.")
    created_before: Time | None = Field(default=None, description="Created before this time.")
    started_after: Time | None = Field(default=None, description="Last started at this time or later.")
    started_before: Time | None = Field(default=None, description="Last started before this time.")
    finished_after: Time | None = Field(default=None, description="Ended at this time or later.")
    finished_before: Time | None = Field(default=None, description="Ended before this time.")


class TaskQuery(TaskFilters):
    """Which tasks to list, in which order, and how much of them."""

    sort: Sort = Field(default="-created_at", description="What to sort by; with - from the latest or highest down.")
    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=LARGEST_PAGE)
    cursor: Annotated[str, Field(max_length=LONGEST_CURSOR)] | None = Field(
        default=None, description="The `next_cursor` or `prev_cursor` of another page."
    )
    fields: Annotated[list[Part], BeforeValidator(_split), Values] = Field(
        default_factory=list, description="What a list leaves out and shall bring nevertheless."
    )
    include: Annotated[list[Literal["total"]], BeforeValidator(_split), Values] = Field(
        default_factory=list, description="total: how many tasks match, counted up to 10 000."
    )


FILTERS = tuple(TaskFilters.model_fields)


def to_filter(filters: TaskFilters, as_of: datetime, within: Collection[str] = ()) -> TaskFilter:
    """The filter for the store; ages count back from `as_of`, and there are tasks of the handlers `within` alone."""

    def moment(time: datetime | timedelta | None) -> datetime | None:
        return as_of + time if isinstance(time, timedelta) else time

    return TaskFilter(
        id=tuple(filters.id),
        status=tuple(filters.status),
        priority=tuple(filters.priority),
        handler=tuple(filters.handler),
        queue=tuple(filters.queue),
        worker=tuple(filters.worker),
        parent=tuple(filters.parent),
        tag=tuple(filters.tag),
        name=filters.name,
        q=filters.q,
        error_type=filters.error_type,
        has_error=filters.has_error,
        created_after=moment(filters.created_after),
        created_before=moment(filters.created_before),
        started_after=moment(filters.started_after),
        started_before=moment(filters.started_before),
        finished_after=moment(filters.finished_after),
        finished_before=moment(filters.finished_before),
        within=tuple(sorted(within)),
    )


def to_order(query: TaskQuery) -> Order:
    """The order for the store."""
    return Order(SortKey(query.sort.removeprefix("-")), descending=query.sort.startswith("-"))
