"""What a worker and the process of a handler say to each other: one JSON object a line, never a pickle."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from narad.domain.outcome import Cancelled, Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.task import ClaimedTask, Progress

LONGEST_LINE = 16 * 1_048_576
"""Bytes of a line at most: a payload or a result with room to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An attempt to be run by the handler `name`, which is found in `module`."""

    module: str
    name: str
    task: ClaimedTask
    most_result_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a job, and how much memory the process holds by now."""

    outcome: Outcome
    resident_bytes: int


_JOB = TypeAdapter(Job)
_PROGRESS = TypeAdapter(Progress)
_OUTCOMES: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in (Completed, Failed, Cancelled, Snoozed, HandedBack)
}


def job_line(job: Job) -> bytes:
    """A job, for the process."""
    return _JOB.dump_json(job) + b"\n"


def read_job(line: bytes) -> Job:
    """A job, from the worker."""
    return _JOB.validate_json(line)


def progress_line(progress: Progress) -> bytes:
    """Progress, for the worker."""
    return b'{"progress":' + _PROGRESS.dump_json(progress) + b"}\n"


def ended_line(ended: Ended) -> bytes:
    """The end of a job, for the worker."""
    kind = type(ended.outcome).__name__
    outcome = _OUTCOMES[kind].dump_json(ended.outcome).decode()
    return f'{{"kind":"{kind}","outcome":{outcome},"resident_bytes":{ended.resident_bytes}}}\n'.encode()


def read_answer(line: bytes) -> Progress | Ended:
    """What a process says."""
    fields = json.loads(line)
    if "progress" in fields:
        return _PROGRESS.validate_python(fields["progress"])
    outcome: Outcome = _OUTCOMES[fields["kind"]].validate_python(fields["outcome"])
    return Ended(outcome=outcome, resident_bytes=fields["resident_bytes"])
