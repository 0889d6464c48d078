"""What must hold after any fault, checked against the database, the history of all moves and the handlers' journal."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from narad.domain.status import Status, is_legal
from tests.support.journal import Run, read_journal

STATUSES = tuple(Status)
_FINAL_CODES = [code for code, status in enumerate(STATUSES) if status.is_final]
_PAUSE_SECONDS = 0.05
_CONNECT_SECONDS = 5.0

# Kept by the database itself, so that it holds exactly what was committed, in the order in which it was.
AUDIT = """
CREATE TABLE moves_made (
    id bigserial PRIMARY KEY, task_id uuid NOT NULL, attempt int NOT NULL, source smallint NOT NULL,
    target smallint NOT NULL
);
CREATE FUNCTION audit_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moves_made (task_id, attempt, source, target) VALUES (NEW.id, OLD.attempt, OLD.status, NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_move AFTER UPDATE ON tasks FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.attempt IS DISTINCT FROM NEW.attempt)
    EXECUTE FUNCTION audit_move();
"""
"""Statements that make a database write down every move of every task."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A task as the database has it."""

    id: str
    status: Status
    attempt: int
    failures: int
    losses: int
    worker_id: str | None
    result: Any
    created_at: datetime
    finished_at: datetime | None
    seconds_to_cancel: float | None
    """From the request to cancel to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A committed change of status, and the attempt that it ended or preceded."""

    task_id: str
    attempt: int
    source: Status
    target: Status


@dataclass(slots=True)
class Faults:
    """What was done to processes, as far as it excuses something. Times are of the monotonic clock."""

    killed_at: dict[int, float] = field(default_factory=dict)
    cut_off: set[int] = field(default_factory=set)
    """Processes that were frozen, or cut off from the database: others may run their tasks beside them."""


class Evidence:
    """Everything that is known after a scenario."""

    def __init__(self, database: str, shared: Path) -> None:
        self._database = database
        self._shared = shared

    def tasks(self) -> dict[str, Row]:
        """Every task in the database."""
        statement = """
            SELECT *, extract(epoch FROM finished_at - cancel_requested_at)::float AS seconds_to_cancel FROM tasks
        """
        return {str(record["id"]): _row(record) for record in self._fetch(statement)}

    def moves(self) -> list[Move]:
        """Every move, in the order of the commits."""
        return [
            Move(
                task_id=str(record["task_id"]),
                attempt=record["attempt"],
                source=STATUSES[record["source"]],
                target=STATUSES[record["target"]],
            )
            for record in self._fetch("SELECT * FROM moves_made ORDER BY id")
        ]

    def runs(self) -> list[Run]:
        """Every execution, as the handlers wrote it down."""
        return read_journal(self._shared)

    def pid(self, worker_id: str) -> int:
        """The process of a worker."""
        (record,) = self._fetch("SELECT pid FROM workers WHERE id = $1", UUID(worker_id))
        pid: int = record["pid"]
        return pid

    def worker_ids(self, pid: int) -> list[str]:
        """All ids under which a process has worked, the current one last."""
        records = self._fetch("SELECT id FROM workers WHERE pid = $1 ORDER BY started_at", pid)
        return [str(record["id"]) for record in records]

    def wait_until_final(self, seconds: float) -> None:
        """Wait until no task is on its way, those of requests that got no answer included."""
        deadline = time.monotonic() + seconds
        statement = "SELECT id, status, attempt FROM tasks WHERE status <> ALL($1) LIMIT 5"
        while stuck := self._fetch(statement, _FINAL_CODES):
            assert time.monotonic() < deadline, f"not final after {seconds:g} s, among others: {stuck}"
            time.sleep(_PAUSE_SECONDS)

    def _fetch(self, statement: str, *parameters: object) -> list[Any]:
        return _finish(self._ask(statement, parameters))

    async def _ask(self, statement: str, parameters: Sequence[object]) -> list[Any]:
        connection = await asyncpg.connect(self._database, timeout=_CONNECT_SECONDS)
        try:
            return list(await connection.fetch(statement, *parameters))
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)


def check(evidence: Evidence, accepted: Collection[str], faults: Faults, *, seconds: float = 40.0) -> dict[str, Row]:
    """See that every invariant holds; returns the tasks, for what a scenario wants to know besides."""
    evidence.wait_until_final(seconds)
    tasks = evidence.tasks()
    problems = violations(accepted, tasks, evidence.moves(), evidence.runs(), faults)
    assert not problems, "\n".join(problems)
    return tasks


def violations(
    accepted: Collection[str], stored: Collection[str], moves: Sequence[Move], runs: Sequence[Run], faults: Faults
) -> list[str]:
    """Every invariant that does not hold, in words."""
    return [
        *_lost(accepted, stored),
        *_illegal_moves(moves),
        *_finished_twice(moves),
        *_run_twice(runs),
        *_overlaps(runs, faults),
    ]


def _lost(accepted: Collection[str], stored: Collection[str]) -> list[str]:
    repeated = [task_id for task_id, times in Counter(accepted).items() if times > 1]
    lost = [f"lost: {task_id} was accepted" for task_id in set(accepted) - set(stored)]
    return lost + [f"{task_id} was given out twice" for task_id in repeated]


def _illegal_moves(moves: Sequence[Move]) -> list[str]:
    """No move that the table of moves does not have; above all none out of a final status."""
    return [f"illegal: {move}" for move in moves if not is_legal(move.source, move.target)]


def _finished_twice(moves: Sequence[Move]) -> list[str]:
    """Every attempt is ended by one committed move, and every task reaches one final status."""
    ends = Counter((move.task_id, move.attempt) for move in moves if move.source is Status.IN_PROGRESS)
    finals = Counter(move.task_id for move in moves if move.target.is_final)
    return [
        *(f"attempt {attempt} of {task_id} was finished {n} times" for (task_id, attempt), n in ends.items() if n > 1),
        *(f"{task_id} became final {n} times" for task_id, n in finals.items() if n > 1),
    ]


def _run_twice(runs: Sequence[Run]) -> list[str]:
    starts = Counter((run.task_id, run.attempt) for run in runs)
    return [f"attempt {attempt} of {task_id} ran {n} times" for (task_id, attempt), n in starts.items() if n > 1]


def _overlaps(runs: Sequence[Run], faults: Faults) -> list[str]:
    by_task: dict[str, list[Run]] = {}
    for run in runs:
        by_task.setdefault(run.task_id, []).append(run)
    return [
        f"overlap without excuse: {older} and {younger}"
        for runs_of_task in by_task.values()
        for older, younger in pairwise(runs_of_task)
        if older.pid not in faults.cut_off and younger.started < _end(older, faults)
    ]


def _end(run: Run, faults: Faults) -> float:
    """When a run was over: as it says itself, or when its process was killed."""
    return run.ended if run.ended is not None else faults.killed_at.get(run.pid, float("inf"))


def _row(record: Mapping[str, Any]) -> Row:
    return Row(
        id=str(record["id"]),
        status=STATUSES[record["status"]],
        attempt=record["attempt"],
        failures=record["failures"],
        losses=record["losses"],
        worker_id=None if record["worker_id"] is None else str(record["worker_id"]),
        result=record["result"],
        created_at=record["created_at"],
        finished_at=record["finished_at"],
        seconds_to_cancel=record["seconds_to_cancel"],
    )


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, also where this thread runs a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
