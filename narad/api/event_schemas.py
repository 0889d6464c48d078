"""Events on the wire: which are wanted, and how one looks."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from narad.api.errors import nearest
from narad.api.schemas import ShownMoment
from narad.domain.event import EventType, TaskEvent
from narad.domain.status import Priority, Status
from narad.events.listener import Wanted

MOST_VALUES = 100
ALL_TYPES = "task.*"
_LONGEST_TYPES = 500
_LONGEST_PLACE = 100


def _known_types(text: str) -> str:
    for name in _names(text):
        if name != ALL_TYPES and name not in set(EventType):
            close = nearest(name, [ALL_TYPES, *EventType])
            hint = f"did you mean {close}?" if close else f"known are {', '.join([ALL_TYPES, *EventType])}"
            raise ValueError(f"{name!r} is not a type of event; {hint}")
    return text


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


Types = Annotated[str, Field(max_length=_LONGEST_TYPES), AfterValidator(_known_types)]


class EventQuery(BaseModel):
    """Which events to stream. Repeated parameters are alternatives, different ones add up."""

    model_config = ConfigDict(extra="forbid")

    task_id: Annotated[list[UUID], Field(max_length=MOST_VALUES)] = Field(default_factory=list)
    status: Annotated[list[Status], Field(max_length=MOST_VALUES)] = Field(default_factory=list)
    types: Annotated[list[Types], Field(max_length=MOST_VALUES)] = Field(
        default_factory=list, description="Types of events, separated by commas; `task.*` stands for all."
    )
    last_event_id: Annotated[str, Field(max_length=_LONGEST_PLACE)] | None = Field(
        default=None, description="The id of the last event that you have; as the header `Last-Event-ID`."
    )

    def wanted(self, within: frozenset[str]) -> Wanted:
        """The same for the hub, of handlers `within` these, where there are some."""
        names = {name for text in self.types for name in _names(text)}
        return Wanted(
            ids=frozenset(self.task_id),
            types=frozenset() if ALL_TYPES in names else frozenset(EventType(name) for name in names),
            statuses=frozenset(self.status),
            within=within,
        )


class ResumeQuery(BaseModel):
    """From where to go on."""

    model_config = ConfigDict(extra="forbid")

    last_event_id: Annotated[str, Field(max_length=_LONGEST_PLACE)] | None = Field(
        default=None, description="The id of the last event that you have; as the header `Last-Event-ID`."
    )


class EventData(BaseModel):
    """The task of an event, as far as it was known where the event was made."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: Status | None
    priority: Priority | None
    handler: str | None
    queue: str | None
    attempt: int | None
    version: int | None


class EventView(BaseModel):
    """A hint that a task changed; read the task to learn more."""

    type: EventType
    timestamp: ShownMoment
    data: EventData


def shown(event: TaskEvent) -> EventView:
    """An event as it is sent."""
    return EventView(type=event.type, timestamp=event.at, data=EventData.model_validate(event))


def event_schemas() -> dict[str, Any]:
    """The schemas of events, by their names in the document."""
    schema = EventView.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "EventView": schema}
