"""Attempts, from claim to finish. Every write after the claim is fenced by the number of the attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    Text,
    Update,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)

from narad.domain.decide import Decision, Finish, PutBack
from narad.domain.status import BY_URGENCY, Priority, Status
from narad.domain.task import ClaimedTask, FailedAttempt, Overrun, Progress, Running, TaskError
from narad.store.conditions import IS_RUNNING, IS_WAITING, STILL_RUNNING, STILL_WAITING, has_priority
from narad.store.database import Database
from narad.store.dialects import in_ids, in_select, plus_seconds, rows_of
from narad.store.rows import CLAIMED, from_error, from_progress, to_claimed
from narad.store.tables import attempts, queues, tasks, workers
from narad.store.types import StoredJson, UTCDateTime, VerbatimJson

_now = bindparam("now", type_=UTCDateTime())
_worker = bindparam("worker_id", type_=Uuid())

# A worker that was declared lost claims nothing, even while it does not know yet; nor is a task started too late.
_may_start = and_(
    ~exists(select(workers.c.id).where(workers.c.id == _worker, workers.c.stopped_at.is_not(None))),
    or_(tasks.c.expires_at.is_(None), tasks.c.expires_at > _now),
)

# Asked once for a statement, not for each row: a pause acts here at once, whatever a worker knows of it.
_is_not_paused = ~exists(select(queues.c.name).where(queues.c.name == bindparam("of_queue", type_=Text())))


def _claim(chosen: CTE) -> Update:
    return (
        update(tasks)
        .where(in_select(tasks.c.id, select(chosen.c.id)))
        .values(
            status=Status.IN_PROGRESS,
            attempt=tasks.c.attempt + 1,
            worker_id=_worker,
            started_at=_now,
            deadline_at=plus_seconds(_now, tasks.c.timeout_seconds),
            due_at=None,
            expires_at=None,
            progress=None,
            version=tasks.c.version + 1,
        )
        .returning(*CLAIMED)
    )


# A row held for a moment by the relay's mark must be waited for: skipping it would drop its message. Locking in the
# order of the ids cannot deadlock.
_CLAIM = _claim(
    select(tasks.c.id)
    .where(in_ids(tasks.c.id, "ids"), STILL_WAITING, tasks.c.run_at <= _now, _may_start)
    .order_by(tasks.c.id)
    .with_for_update(key_share=True)
    .cte("chosen")
)


def _best(priority: Priority, before: ColumnElement[datetime], limit: str) -> Select[UUID]:
    """The ids of up to `limit` waiting tasks of one lane, the longest waiting first, skipping those being claimed."""
    rows = (
        select(tasks.c.id)
        .where(
            IS_WAITING,
            tasks.c.queue == bindparam("of_queue"),
            has_priority(priority),
            tasks.c.run_at <= before,
            _may_start,
            _is_not_paused,
        )
        .order_by(tasks.c.run_at, tasks.c.id)
        .limit(bindparam(limit, type_=Integer()))
        .with_for_update(skip_locked=True)
        .subquery(priority.lower())
    )
    return select(rows.c.id)


# One probe per priority, each on its own part of the index; the database stops probing when the limit is reached.
_CLAIM_NEXT = _claim(
    union_all(*(_best(priority, bindparam("ready_before", type_=UTCDateTime()), "slots") for priority in BY_URGENCY))
    .limit(bindparam("slots", type_=Integer()))
    .cte("chosen")
)
_CLAIM_AGED = _claim(
    union_all(
        *(
            _best(priority, bindparam(f"{priority.lower()}_before", type_=UTCDateTime()), "slots")
            for priority in reversed(BY_URGENCY)
            if priority is not Priority.HIGH
        )
    )
    .limit(bindparam("slots", type_=Integer()))
    .cte("chosen")
)

_rows = rows_of(
    "rows",
    "r",
    id=Uuid(),
    attempt=Integer(),
    status=tasks.c.status.type,
    charge=Integer(),
    run_at=UTCDateTime(),
    finished_at=UTCDateTime(),
    result=VerbatimJson,
    error=StoredJson,
    progress=StoredJson,
)
_v = select(*_rows.c).cte("v")
_locked = (
    select(tasks.c.id)
    .join(_v, and_(tasks.c.id == _v.c.id, tasks.c.attempt == _v.c.attempt))
    .where(in_select(tasks.c.id, select(_v.c.id)), STILL_RUNNING)
    .order_by(tasks.c.id)
    .with_for_update(key_share=True, of=tasks)
    .cte("locked")
)
_ends = _v.c.finished_at.is_not(None)
_FINISH = (
    update(tasks)
    # A task whose cancel was asked for does not go round again; the caller then finishes it as CANCELLED.
    .where(
        tasks.c.id == _v.c.id,
        in_select(tasks.c.id, select(_locked.c.id)),
        or_(_ends, tasks.c.cancel_requested_at.is_(None)),
    )
    .values(
        status=_v.c.status,
        result=_v.c.result,
        error=_v.c.error,
        progress=func.coalesce(_v.c.progress, tasks.c.progress),
        failures=tasks.c.failures + _v.c.charge,
        finished_at=_v.c.finished_at,
        run_at=func.coalesce(_v.c.run_at, tasks.c.run_at),
        due_at=_v.c.run_at,
        handovers=0,
        deadline_at=None,
        version=tasks.c.version + 1,
    )
    .returning(tasks.c.id)
)
KEEP_FAILED = insert(attempts).from_select(
    ["task_id", "attempt", "worker_id", "started_at", "finished_at", "error"],
    select(
        tasks.c.id,
        tasks.c.attempt,
        tasks.c.worker_id,
        tasks.c.started_at,
        _now,
        func.coalesce(bindparam("instead", type_=StoredJson), tasks.c.error),
    ).where(in_ids(tasks.c.id, "ids")),
)
"""Keep the attempts that just ended as evidence, in the transaction that ended them."""
_HISTORY = (
    select(*(attempts.c[field.name] for field in fields(FailedAttempt)))
    .where(attempts.c.task_id == bindparam("task_id"))
    .order_by(attempts.c.attempt)
)
_PROGRESS = (
    update(tasks)
    .where(tasks.c.id == bindparam("task_id"), tasks.c.attempt == bindparam("of_attempt"), STILL_RUNNING)
    .values(progress=bindparam("reached", type_=StoredJson), version=tasks.c.version + 1)
    .returning(tasks.c.id)
)
_before = bindparam("before", type_=UTCDateTime())
_OVERRUNS = (
    select(*CLAIMED, tasks.c.cancel_requested_at)
    .where(IS_RUNNING, or_(tasks.c.deadline_at < _before, tasks.c.cancel_requested_at < _before))
    .limit(bindparam("most", type_=Integer()))
)
_RUNNING = select(tasks.c.id, tasks.c.attempt, tasks.c.cancel_requested_at).where(
    IS_RUNNING, tasks.c.worker_id == bindparam("worker_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """How long tasks of the lower priorities may wait before they count as aged."""

    medium: timedelta
    low: timedelta


class Attempts:
    """The executions of tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, ids: Sequence[UUID], *, worker_id: UUID, now: datetime) -> Sequence[ClaimedTask]:
        """Claim those of the tasks that wait and may run; the others are left out of the answer."""
        rows = await self._database.run(_CLAIM, {"ids": ids, "worker_id": worker_id, "now": now})
        return [to_claimed(row) for row in rows]

    async def claim_next(
        self,
        queue: str,
        slots: int,
        *,
        worker_id: UUID,
        now: datetime,
        aged: Aged | None = None,
        overdue: timedelta = timedelta(0),
    ) -> Sequence[ClaimedTask]:
        """Claim up to `slots` tasks of the queue that may run: by priority, then the longest waiting.

        A paused queue has none. With `aged`, only tasks of the lower priorities that have waited longer than that, LOW
        first. With `overdue`, only tasks that could have run that long ago.
        """
        parameters = {"of_queue": queue, "slots": slots, "worker_id": worker_id, "now": now}
        if aged is None:
            rows = await self._database.run(_CLAIM_NEXT, parameters | {"ready_before": now - overdue})
        else:
            limits = {"medium_before": now - aged.medium, "low_before": now - aged.low}
            rows = await self._database.run(_CLAIM_AGED, parameters | limits)
        return [to_claimed(row) for row in rows]

    async def finish(self, decisions: Sequence[Decision], *, now: datetime) -> Sequence[bool]:
        """Write what became of attempts, and keep those that failed as evidence; says for each whether it was written.

        False means fenced: the attempt is no longer the current one, or, where it was to be put back, a cancel was
        asked for meanwhile.
        """
        parameters = {"rows": [_finish_row(decision) for decision in decisions]}
        failed = {decision.id for decision in decisions if decision.charge}
        if not failed:
            written = {row.id for row in await self._database.run(_FINISH, parameters)}
        else:
            async with self._database.transaction() as connection:
                written = {row.id for row in await connection.execute(_FINISH, parameters)}
                evidence = {"ids": list(failed & written), "now": now, "instead": None}
                await connection.execute(KEEP_FAILED, evidence)
        return [decision.id in written for decision in decisions]

    async def history(self, task_id: UUID) -> Sequence[FailedAttempt]:
        """The failed attempts of a task, the first first."""
        rows = await self._database.read(_HISTORY, {"task_id": task_id})
        return [FailedAttempt(**{**row._asdict(), "error": TaskError(**row.error)}) for row in rows]

    async def report(self, task_id: UUID, attempt: int, progress: Progress) -> bool:
        """Write the progress of a running attempt; False means fenced."""
        parameters = {"task_id": task_id, "of_attempt": attempt, "reached": from_progress(progress)}
        return bool(await self._database.run(_PROGRESS, parameters))

    async def overruns(self, most: int, *, before: datetime) -> Sequence[Overrun]:
        """Up to `most` running attempts whose deadline, or whose request to stop, lies before that time."""
        rows = await self._database.read(_OVERRUNS, {"before": before, "most": most})
        return [Overrun(task=to_claimed(row), cancel_requested=row.cancel_requested_at is not None) for row in rows]

    async def running(self, worker_id: UUID) -> Sequence[Running]:
        """The attempts that the store holds for running on this worker."""
        return [
            Running(id=row.id, attempt=row.attempt, cancel_requested=row.cancel_requested_at is not None)
            for row in await self._database.read(_RUNNING, {"worker_id": worker_id})
        ]


def _finish_row(decision: Decision) -> dict[str, Any]:
    row = {
        "id": decision.id,
        "attempt": decision.attempt,
        "charge": decision.charge,
        "error": from_error(decision.error),
        "progress": from_progress(decision.progress),
    }
    match decision:
        case Finish(status=status, at=at, result=result):
            return row | {"status": status, "run_at": None, "finished_at": at, "result": result}
        case PutBack(run_at=run_at):
            return row | {"status": Status.PENDING, "run_at": run_at, "finished_at": None, "result": None}
