"""Keys and the audit as they go over the wire; the command line checks and shows them by the same models."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from narad.api.schemas import HandlerName, Name, ShownMoment
from narad.api.task_query import DEFAULT_PAGE, LARGEST_PAGE
from narad.domain.key import Grant, Key, KeyState, parse_network
from narad.domain.rate import parse_rate
from narad.domain.scopes import Role, Scope
from narad.issuing import Issued

MOST_ENTRIES = 100
LONGEST_NETWORK = 64
DEFAULT_DAYS = 90
MOST_DAYS = 3_650
DEFAULT_OVERLAP_SECONDS = 86_400
MOST_OVERLAP_SECONDS = 30 * 86_400


def _network(text: str) -> str:
    return str(parse_network(text))


def _rate(text: str) -> str:
    parse_rate(text)
    return text


Lifetime = Annotated[float, Field(gt=0, le=MOST_DAYS, allow_inf_nan=False)]
NetworkText = Annotated[str, Field(max_length=LONGEST_NETWORK), AfterValidator(_network)]
RateText = Annotated[str, Field(max_length=40), AfterValidator(_rate)]


class KeyCreate(BaseModel):
    """A key to be made. It needs a role or at least one scope."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Thumbnailer", "role": "developer"}]}
    )

    name: Name = Field(description="What people call this key.")
    owner: Name | None = Field(default=None, description="Who answers for it; the audit names them.")
    role: Role | None = Field(default=None, description="A bundle of scopes.")
    scopes: Annotated[list[Scope], Field(max_length=len(Scope))] = Field(
        default_factory=list, description="Scopes beside those of the role."
    )
    expires_in_days: Lifetime = Field(default=DEFAULT_DAYS, description="Days until it opens nothing any more.")
    networks: Annotated[list[NetworkText], Field(max_length=MOST_ENTRIES)] = Field(
        default_factory=list, description="Where it may be used from; empty: from everywhere."
    )
    handlers: Annotated[list[HandlerName], Field(max_length=MOST_ENTRIES)] = Field(
        default_factory=list, description="The only handlers whose tasks it may create and see; empty: all."
    )
    rate_limit: RateText | None = Field(default=None, description="Its own rate limit, such as 600/minute.")

    @model_validator(mode="after")
    def _allows_something(self) -> "KeyCreate":
        if self.role is None and not self.scopes:
            raise ValueError("must have a role or at least one scope, else the key allows nothing")
        return self

    @property
    def lifetime(self) -> timedelta:
        """How long it is good."""
        return timedelta(days=self.expires_in_days)

    def grant(self) -> Grant:
        """What it allows."""
        return Grant(
            name=self.name,
            owner=self.owner,
            role=self.role,
            scopes=tuple(dict.fromkeys(self.scopes)),
            networks=tuple(dict.fromkeys(self.networks)),
            handlers=tuple(dict.fromkeys(self.handlers)),
            rate_limit=self.rate_limit,
        )


class KeyRotate(BaseModel):
    """How to rotate a key; it may be left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_seconds": 3_600}]})

    overlap_seconds: float = Field(
        default=DEFAULT_OVERLAP_SECONDS,
        ge=0,
        le=MOST_OVERLAP_SECONDS,
        allow_inf_nan=False,
        description="How long the secret before goes on opening it.",
    )
    expires_in_days: Lifetime = Field(default=DEFAULT_DAYS, description="Days until the key expires, from now on.")


class KeyView(BaseModel):
    """A key, without its secret, which nobody can read again."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    owner: str | None
    role: Role | None
    scopes: tuple[Scope, ...]
    state: KeyState
    networks: tuple[str, ...]
    handlers: tuple[str, ...]
    rate_limit: str | None
    created_at: ShownMoment
    created_by: str | None = Field(description="The id of the key that made it, or who did on the command line.")
    expires_at: ShownMoment
    last_used_at: ShownMoment | None = Field(description="To within five minutes.")
    previous_until: ShownMoment | None = Field(description="Until then the secret before is good too.")
    revoked_at: ShownMoment | None

    @classmethod
    def of(cls, key: Key, now: datetime) -> "KeyView":
        """The key as it stands at that time."""
        return cls(**_fields(key, now))


class IssuedKeyView(KeyView):
    """A key with its secret: shown this once."""

    key: str = Field(description="What callers send; keep it now, it is not shown again.")

    @classmethod
    def of_issued(cls, issued: Issued, now: datetime) -> "IssuedKeyView":
        """The key that was just issued."""
        return cls(**_fields(issued.key, now), key=issued.token)


class KeyPage(BaseModel):
    """A page of keys, the newest first."""

    items: list[KeyView]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last one.")


class PageQuery(BaseModel):
    """Which page of a list to show."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=LARGEST_PAGE)
    cursor: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="The `next_cursor` of the page before."
    )


class AuditQuery(PageQuery):
    """Which entries of the audit to list."""

    key_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{8}$")] | None = Field(
        default=None, description="Changes made with this key."
    )
    target: Annotated[str, Field(pattern=r"^[\x20-\x7e]*$", max_length=500)] | None = Field(
        default=None, description="Changes to this task, key, queue and so on."
    )


class AuditView(BaseModel):
    """One change, or the attempt at one."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: ShownMoment
    actor: str = Field(description="The owner of the key, or else its name; anonymous where the service is open.")
    key_id: str | None
    address: str | None
    action: str = Field(description="The operation, by its name in this document.")
    target: str | None
    filter: dict[str, Any] | None
    count: int | None
    outcome: str = Field(description="`done`, or the code of the problem that was answered.")
    request_id: str | None


class AuditPage(BaseModel):
    """A page of the audit, the latest first."""

    items: list[AuditView]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last one.")


def _fields(key: Key, now: datetime) -> dict[str, Any]:
    fields = {name: getattr(key, name) for name in KeyView.model_fields if name != "state"}
    return {**fields, "state": key.state(now)}
