"""What a worker and the process of a handler say to each other: one JSON value a line, never a pickle.

Payloads and results cross as the JSON that they are; only what surrounds them is read into types.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic_core import to_json

from narad.domain.log_line import LogLevel, LogLine
from narad.domain.outcome import Cancelled, Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.task import ClaimedTask, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An attempt to be run by the handler `name`, which is found in `module`."""

    module: str
    name: str
    task: ClaimedTask
    most_result_bytes: int


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
    """The end of a job, and how much memory the process holds by now."""

    outcome: Outcome
    resident_bytes: int


Answer: TypeAlias = Taken | Progress | Logged | Ended

_TASK = TypeAdapter(ClaimedTask)
_PROGRESS = TypeAdapter(Progress)
_FAILED = TypeAdapter(Failed)
_KINDS: dict[str, type[Cancelled | Snoozed | HandedBack]] = {
    kind.__name__: kind for kind in (Cancelled, Snoozed, HandedBack)
}


def path_line(path: Sequence[str]) -> bytes:
    """Where modules are looked for, for the process: its first line."""
    return _line(list(path))


def read_path(line: bytes) -> list[str]:
    """Where modules are looked for."""
    path: list[str] = json.loads(line)
    return path


def job_line(job: Job) -> bytes:
    """A job, for the process."""
    return _line(job)


def read_job(line: bytes) -> Job:
    """A job, from the worker."""
    fields = json.loads(line)
    payload = fields["task"].pop("payload")
    task = _TASK.validate_python(fields["task"] | {"payload": {}})
    return Job(**fields | {"task": replace(task, payload=payload)})


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
    ended = fields["ended"]
    return Ended(outcome=_outcome(fields["kind"], ended["outcome"]), resident_bytes=ended["resident_bytes"])


def _outcome(kind: str, fields: dict[str, Any]) -> Outcome:
    if kind == Completed.__name__:
        return Completed(fields["result"])
    if kind == Failed.__name__:
        return _FAILED.validate_python(fields)
    return _KINDS[kind](**fields)


def _line(value: object) -> bytes:
    return to_json(value, inf_nan_mode="constants") + b"\n"
