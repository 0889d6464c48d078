"""What a worker and the process of a handler say to each other: one JSON value a line, never a pickle.

Payloads and results cross as the JSON that they are; only what surrounds them is read into types.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json

from narad.domain.follow_up import Request, Save, Spawn
from narad.domain.log_line import LogLevel, LogLine
from narad.domain.outcome import Cancelled, Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.task import ClaimedTask, Json, Progress
from narad.outbound.options import OutboundOptions
from narad.worker.signals import SpawnError, TaskCancelled
from narad.worker.words import message_of, type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a process is told first: where modules are looked for, and where handlers may call."""

    path: Sequence[str]
    outbound: OutboundOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An attempt to be run by the handler `name`, which is found in `module`."""

    module: str
    name: str
    task: ClaimedTask
    checkpoint: Json
    most_result_bytes: int
    lifespan_seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The process has a job in hand: from here on its handler may have run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A line that the handler logged so long ago: an age is the same by the clock of the process and the worker's."""

    number: int
    level: LogLevel
    message: str
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a job, how much memory the process holds by now, and whether it has something to close at its end."""

    outcome: Outcome
    resident_bytes: int
    holds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The handler asks for something; the reply bears the same number."""

    number: int
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of it: the id of a follow-up, nothing, or why it could not be."""

    number: int
    task_id: UUID | None = None
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Bye:
    """The process shall close what its lifespans hold, and end."""


Answer: TypeAlias = Taken | Progress | Logged | Asked | Ended
Order: TypeAlias = Job | Reply | Bye

_OPENING = TypeAdapter(Opening)
_TASK = TypeAdapter(ClaimedTask)
_PROGRESS = TypeAdapter(Progress)
_FAILED = TypeAdapter(Failed)
_REPLY = TypeAdapter(Reply)
_SPAWN = TypeAdapter(Spawn)
_PROBLEMS: dict[str, type[Exception]] = {kind.__name__: kind for kind in (SpawnError, TaskCancelled)}
_KINDS: dict[str, type[Cancelled | Snoozed | HandedBack]] = {
    kind.__name__: kind for kind in (Cancelled, Snoozed, HandedBack)
}


def opening_line(opening: Opening) -> bytes:
    """The first line, for the process."""
    return _line(opening)


def read_opening(line: bytes) -> Opening:
    """The first line, from the worker."""
    return _OPENING.validate_json(line)


def job_line(job: Job) -> bytes:
    """A job, for the process."""
    return _line(job)


def reply_line(reply: Reply) -> bytes:
    """A reply, for the process."""
    return _line({"reply": reply})


def bye_line() -> bytes:
    """The last order, for the process."""
    return _line({"bye": True})


def read_order(line: bytes) -> Order:
    """What the worker says."""
    fields = json.loads(line)
    if "reply" in fields:
        return _REPLY.validate_python(fields["reply"])
    if "bye" in fields:
        return Bye()
    return Job(**fields | {"task": _TASK.validate_python(fields["task"])})


def refusal(number: int, error: BaseException) -> Reply:
    """A reply that says why something could not be."""
    return Reply(number=number, problem=(type_of(error), message_of(error)))


def problem_of(reply: Reply) -> Exception | None:
    """The exception that the handler sees, if there is one."""
    if reply.problem is None:
        return None
    kind, message = reply.problem
    return _PROBLEMS.get(kind, RuntimeError)(message)


def taken_line() -> bytes:
    """The process has a job in hand, for the worker."""
    return _line({"taken": True})


def progress_line(progress: Progress) -> bytes:
    """Progress, for the worker."""
    return _line({"progress": progress})


def logged_line(line: LogLine) -> bytes:
    """A line that the handler logged, for the worker."""
    age = datetime.now(UTC) - line.at
    return _line({"logged": [line.number, line.level, line.message, max(0.0, age.total_seconds())]})


def asked_line(asked: Asked) -> bytes:
    """What the handler asks for, for the worker."""
    return _line({"asked": asked.number, type(asked.request).__name__: asked.request})


def ended_line(ended: Ended) -> bytes:
    """The end of a job, for the worker."""
    return _line({"kind": type(ended.outcome).__name__, "ended": ended})


def read_answer(line: bytes) -> Answer:
    """What a process says."""
    fields = json.loads(line)
    if "taken" in fields:
        return Taken()
    if "progress" in fields:
        return _PROGRESS.validate_python(fields["progress"])
    if "logged" in fields:
        number, level, message, age = fields["logged"]
        return Logged(number=number, level=LogLevel(level), message=message, age=timedelta(seconds=age))
    if "asked" in fields:
        return Asked(number=fields["asked"], request=_request(fields))
    ended = fields["ended"]
    outcome = _outcome(fields["kind"], ended["outcome"])
    return Ended(outcome=outcome, resident_bytes=ended["resident_bytes"], holds=ended["holds"])


def _request(fields: dict[str, Any]) -> Request:
    if Save.__name__ in fields:
        return Save(checkpoint=fields[Save.__name__]["checkpoint"])
    spawn = fields[Spawn.__name__]
    payload = spawn.pop("payload")
    return replace(_SPAWN.validate_python(spawn | {"payload": {}}), payload=payload)


def _outcome(kind: str, fields: dict[str, Any]) -> Outcome:
    if kind == Completed.__name__:
        return Completed(fields["result"])
    if kind == Failed.__name__:
        return _FAILED.validate_python(fields)
    return _KINDS[kind](**fields)


def _line(value: object) -> bytes:
    return to_json(value, inf_nan_mode="constants") + b"\n"
