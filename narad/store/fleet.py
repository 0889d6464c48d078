"""The fleet as people see it: workers, what they run, what they are told, and what living ones offer."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from narad.domain.fleet import CurrentTask, WorkerOrder, WorkerState, WorkerStatus
from narad.domain.task import Progress
from narad.store.conditions import IS_RUNNING
from narad.store.database import Database
from narad.store.dialects import in_ids
from narad.store.tables import tasks, workers
from narad.store.types import Code, UTCDateTime, code_of

MOST_CURRENT_TASKS = 200
"""Tasks that are shown of one worker."""
_COMPUTED = {"state", "tasks"}


def _is_ordered(order: WorkerOrder) -> ColumnElement[bool]:
    return workers.c.ordered == literal_column(str(code_of(order)))


def state_of(now: ColumnElement[datetime]) -> ColumnElement[str]:
    """The one place that says what the columns of a worker mean."""
    has_ended = workers.c.stopped_at.is_not(None)
    word = {state: literal_column(f"'{state}'", Text()) for state in WorkerState}
    return case(
        (and_(has_ended, workers.c.lost != 0), word[WorkerState.LOST]),
        (has_ended, word[WorkerState.STOPPED]),
        (workers.c.lease_expires_at < now, word[WorkerState.LOST]),
        (or_(workers.c.draining != 0, _is_ordered(WorkerOrder.DRAIN)), word[WorkerState.DRAINING]),
        (_is_ordered(WorkerOrder.QUIET), word[WorkerState.QUIET]),
        else_=word[WorkerState.ONLINE],
    )


_now = bindparam("now", type_=UTCDateTime())
_SHOWN = [workers.c[field.name] for field in fields(WorkerStatus) if field.name not in _COMPUTED]
_IS_ALIVE = (workers.c.stopped_at.is_(None), workers.c.lease_expires_at >= _now)
_GET = select(*_SHOWN, state_of(_now).label("state")).where(workers.c.id == bindparam("worker_id"))
_OFFERS = select(workers.c.queues, workers.c.handlers, workers.c.heartbeat_at).where(*_IS_ALIVE)
_place = func.row_number().over(partition_by=tasks.c.worker_id, order_by=tasks.c.started_at).label("place")
_running = (
    select(tasks.c.worker_id, *(tasks.c[field.name] for field in fields(CurrentTask)), _place)
    .where(IS_RUNNING, in_ids(tasks.c.worker_id, "ids"))
    .subquery("running")
)
_CURRENT = (
    select(*(column for column in _running.c if column.name != "place"))
    .where(_running.c.place <= MOST_CURRENT_TASKS)
    .order_by(_running.c.worker_id, _running.c.place)
)


def _order(*conditions: ColumnElement[bool]) -> Update:
    return (
        update(workers)
        .where(workers.c.id == bindparam("worker_id"), *_IS_ALIVE, *conditions)
        .values(ordered=bindparam("order", type_=Code(WorkerOrder)))
        .returning(workers.c.id)
    )


_DRAIN = _order()
_ORDER = _order(workers.c.draining == 0, or_(workers.c.ordered.is_(None), ~_is_ordered(WorkerOrder.DRAIN)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a living worker offers, and when it last gave a sign of life."""

    queues: Sequence[str]
    handlers: Sequence[str]
    heartbeat_at: datetime


class Fleet:
    """Workers, to be looked at and steered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, states: Sequence[WorkerState], *, before: UUID | None, limit: int, now: datetime
    ) -> Sequence[WorkerStatus]:
        """Up to `limit` workers in one of the states, in any where none is given, those that started last first."""
        rows = await self._database.read_built(_select(states, before, now).limit(limit))
        return await self._with_tasks([_status(row) for row in rows])

    async def get(self, worker_id: UUID, *, now: datetime) -> WorkerStatus | None:
        """The worker, or None where there is none of that id."""
        rows = await self._database.read(_GET, {"worker_id": worker_id, "now": now})
        found = await self._with_tasks([_status(row) for row in rows])
        return found[0] if found else None

    async def order(self, worker_id: UUID, order: WorkerOrder | None, *, now: datetime) -> bool:
        """Leave an order for the next heartbeat of a living worker, or take the last one back.

        False where there is no such worker, where it is gone, or drains and was told something else.
        """
        statement = _DRAIN if order is WorkerOrder.DRAIN else _ORDER
        return bool(await self._database.run(statement, {"worker_id": worker_id, "order": order, "now": now}))

    async def offers(self, *, now: datetime) -> Sequence[Offer]:
        """What living workers offer."""
        return [Offer(**row._asdict()) for row in await self._database.read(_OFFERS, {"now": now})]

    async def _with_tasks(self, found: Sequence[WorkerStatus]) -> Sequence[WorkerStatus]:
        if not found:
            return found
        of_worker: dict[UUID, list[CurrentTask]] = {}
        for row in await self._database.read(_CURRENT, {"ids": [worker.id for worker in found]}):
            task: dict[str, Any] = row._asdict()
            task["progress"] = None if task["progress"] is None else Progress(**task["progress"])
            of_worker.setdefault(task.pop("worker_id"), []).append(CurrentTask(**task))
        return [replace(worker, tasks=tuple(of_worker.get(worker.id, ()))) for worker in found]


def _select(states: Sequence[WorkerState], before: UUID | None, now: datetime) -> Select[Any]:
    state = state_of(literal(now, UTCDateTime()))
    statement = select(*_SHOWN, state.label("state")).order_by(workers.c.id.desc())
    if states:
        statement = statement.where(state.in_([str(one) for one in states]))
    return statement if before is None else statement.where(workers.c.id < before)


def _status(row: Row[Any]) -> WorkerStatus:
    values: dict[str, Any] = row._asdict()
    values["state"] = WorkerState(values["state"])
    return WorkerStatus(**values)
