"""Log lines on the wire."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from narad.api.caller import Caller
from narad.api.schemas import ShownMoment
from narad.domain.log_line import LogLevel, LogLine

MOST_LISTED = 1_000
REDACTED = ("message",)


class LogQuery(BaseModel):
    """Which lines to list."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, Field(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}$")] = Field(
        default="0.0", description="The lines after this one, as `attempt.number`.", examples=["1.200"]
    )
    limit: int = Field(default=200, ge=1, le=MOST_LISTED)

    @property
    def place(self) -> tuple[int, int]:
        """The attempt and the number after which the lines begin."""
        attempt, _, number = self.after.partition(".")
        return int(attempt), int(number)


class LogLineView(BaseModel):
    """One line."""

    model_config = ConfigDict(from_attributes=True)

    attempt: int
    number: int = Field(description="Counts the lines of the attempt.")
    at: ShownMoment
    level: LogLevel
    message: str | None = Field(description="Null without the scope `tasks:payload:read`.")


class LogPage(BaseModel):
    """Lines, the first first."""

    items: list[LogLineView]
    next_after: str | None = Field(description="`after` of the next page; null where there is none by now.")
    redacted: tuple[str, ...] = Field(description="The fields of lines that your key may not see.")


def page_of(found: Sequence[LogLine], limit: int, caller: Caller) -> LogPage:
    """A page out of the lines that were found, of which there is one more than fits where others follow."""
    items = [LogLineView.model_validate(line) for line in found[:limit]]
    last = items[-1] if len(found) > limit else None
    if not caller.reads_payloads:
        items = [item.model_copy(update={"message": None}) for item in items]
    return LogPage(
        items=items,
        next_after=None if last is None else f"{last.attempt}.{last.number}",
        redacted=() if caller.reads_payloads else REDACTED,
    )
