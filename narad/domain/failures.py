"""Failures that are alike: groups by handler, type of the error, and the place in the code that it came from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

_FRAME = re.compile(r'^[ |]*File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<name>[^\n]+)$', re.MULTILINE)
_SEPARATORS = re.compile(r"[/\\]")
MOST_WORKERS: Final = 5
"""Workers that are named of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task that failed. `error_type` and `message` are None where nothing is known of the error."""

    task_id: UUID
    handler: str
    finished_at: datetime
    worker_id: UUID | None
    error_type: str | None
    message: str | None
    traceback_tail: str | None


@dataclass(frozen=True, slots=True, order=True)
class Fingerprint:
    """What failures of a group have in common. `place` is empty where the error has no traceback."""

    handler: str
    error_type: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failures that are alike, as far as they were looked at. `over_time` counts them in spans of equal length."""

    fingerprint: Fingerprint
    count: int
    first_seen: datetime
    last_seen: datetime
    newest: Failure
    workers: Sequence[UUID]
    more_workers: int
    over_time: Sequence[int]


Interval: TypeAlias = tuple[datetime, datetime]


def place_of(traceback: str | None) -> str:
    """The innermost frame of a traceback, as file and function.

    Without its directory and its line: a release that moves the code makes no new group.
    """
    frames = list(_FRAME.finditer(traceback or ""))
    if not frames:
        return ""
    file = _SEPARATORS.split(frames[-1]["file"])[-1]
    return f"{file} in {frames[-1]['name']}"


def fingerprint_of(failure: Failure) -> Fingerprint:
    """What the failure has in common with others."""
    return Fingerprint(failure.handler, failure.error_type or "", place_of(failure.traceback_tail))


def grouped(failures: Sequence[Failure], *, until: datetime, spans: int) -> Sequence[FailureGroup]:
    """The groups, the largest first; each is counted over the time from the first failure of all `until` then."""
    found: dict[Fingerprint, list[Failure]] = {}
    for failure in failures:
        found.setdefault(fingerprint_of(failure), []).append(failure)
    since = min((failure.finished_at for failure in failures), default=until)
    groups = [_group(key, alike, (since, until), spans) for key, alike in found.items()]
    return sorted(groups, key=lambda group: (-group.count, -group.last_seen.timestamp(), group.fingerprint))


def _group(fingerprint: Fingerprint, failures: Sequence[Failure], interval: Interval, spans: int) -> FailureGroup:
    newest = max(failures, key=lambda failure: (failure.finished_at, failure.task_id))
    workers = _by_number(failures)
    return FailureGroup(
        fingerprint=fingerprint,
        count=len(failures),
        first_seen=min(failure.finished_at for failure in failures),
        last_seen=newest.finished_at,
        newest=newest,
        workers=list(workers)[:MOST_WORKERS],
        more_workers=max(len(workers) - MOST_WORKERS, 0),
        over_time=_over_time(failures, interval, spans),
    )


def _by_number(failures: Sequence[Failure]) -> Mapping[UUID, int]:
    """How many of them each worker ran, the one with most first."""
    numbers: dict[UUID, int] = {}
    for failure in failures:
        if failure.worker_id is not None:
            numbers[failure.worker_id] = numbers.get(failure.worker_id, 0) + 1
    return dict(sorted(numbers.items(), key=lambda item: (-item[1], item[0])))


def _over_time(failures: Sequence[Failure], interval: Interval, spans: int) -> Sequence[int]:
    since, until = interval
    length = max((until - since) / spans, timedelta(microseconds=1))
    counts = [0] * spans
    for failure in failures:
        counts[min(max((failure.finished_at - since) // length, 0), spans - 1)] += 1
    return counts
