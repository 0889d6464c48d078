"""Bulk operations: rows that say what is to be done to many tasks, and the portions in which it is done.

A portion and the note of how far it leads are one transaction: a process that dies in between has done nothing, and
whoever goes on begins where the last portion ended.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    case,
    delete,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from narad.domain.bulk import BulkAction, BulkOperation, BulkStatus, Place
from narad.domain.decide import CANCELLED_ERROR
from narad.domain.event import EventType, Mark
from narad.domain.status import FINAL, Status
from narad.domain.submission import IdempotencyKey, KeyReused
from narad.store.changes import RETRIABLE, RETRIED
from narad.store.checkpoints import REMOVE_CHECKPOINTS
from narad.store.conditions import STILL_RUNNING, STILL_WAITING, coded, still_has_status
from narad.store.database import Database
from narad.store.dialects import in_ids, is_one_of
from narad.store.filters import TaskFilter, conditions, id_bounds
from narad.store.log_lines import REMOVE_LINES
from narad.store.request_keys import MadeBefore, RequestKeys
from narad.store.rows import from_error
from narad.store.tables import attempts, bulk_operations, tasks
from narad.store.tasks import MARK_COLUMNS
from narad.store.types import StoredJson, UTCDateTime

Change: TypeAlias = tuple[EventType, Mark]
"""What was done to a task, and where it stands since."""

LOOKED_AT: Final = 2_000
"""Tasks that one portion looks at, whether they match or not: so it ends soon, however few match."""

_FILTER: TypeAdapter[TaskFilter] = TypeAdapter(TaskFilter)
_PLACE: TypeAdapter[Place] = TypeAdapter(Place)
_now = bindparam("now", type_=UTCDateTime())
_NAMES = [field.name for field in dataclasses.fields(BulkOperation)]
_COLUMNS = [bulk_operations.c[name] for name in _NAMES]

_CANCEL_WAITING = (
    update(tasks)
    .where(in_ids(tasks.c.id, "ids"), STILL_WAITING)
    .values(
        status=coded(Status.CANCELLED),
        finished_at=_now,
        due_at=null(),
        cancel_reason=bindparam("reason", type_=Text()),
        error=bindparam("error", type_=StoredJson),
        version=tasks.c.version + 1,
    )
    .returning(*MARK_COLUMNS)
)
_ASK_RUNNING = (
    update(tasks)
    .where(in_ids(tasks.c.id, "ids"), STILL_RUNNING, tasks.c.cancel_requested_at.is_(None))
    .values(
        cancel_requested_at=_now,
        cancel_reason=bindparam("reason", type_=Text()),
        version=tasks.c.version + 1,
    )
    .returning(*MARK_COLUMNS)
)
_RETRY = update(tasks).where(in_ids(tasks.c.id, "ids"), RETRIABLE).values(RETRIED).returning(*MARK_COLUMNS)
_priority = bindparam("priority", type_=tasks.c.priority.type)
_SET_PRIORITY = (
    update(tasks)
    .where(in_ids(tasks.c.id, "ids"), STILL_WAITING, tasks.c.priority != _priority)
    .values(
        priority=_priority,
        due_at=case((tasks.c.run_at > _now, tasks.c.run_at), else_=_now),
        handovers=0,
        version=tasks.c.version + 1,
    )
    .returning(*MARK_COLUMNS)
)
_PURGE = delete(tasks).where(in_ids(tasks.c.id, "ids"), still_has_status(*FINAL)).returning(tasks.c.id)
_PURGE_ATTEMPTS = delete(attempts).where(in_ids(attempts.c.task_id, "ids"))

_GET = select(*_COLUMNS).where(bulk_operations.c.id == bindparam("of_id"))
_LATEST = select(*_COLUMNS).order_by(bulk_operations.c.id.desc()).limit(bindparam("most", type_=Integer()))
_next = (
    select(bulk_operations.c.id)
    .where(
        bulk_operations.c.finished_at.is_(None),
        or_(bulk_operations.c.claimed_until.is_(None), bulk_operations.c.claimed_until < _now),
    )
    .order_by(bulk_operations.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(bulk_operations)
    .where(bulk_operations.c.id == _next.scalar_subquery())
    .values(claimed_until=bindparam("until", type_=UTCDateTime()), version=bulk_operations.c.version + 1)
    .returning(*_COLUMNS, bulk_operations.c.filter)
)
_NOTE = (
    update(bulk_operations)
    .where(bulk_operations.c.id == bindparam("of_id"), bulk_operations.c.version == bindparam("of_version"))
    .values(
        place=bindparam("reached", type_=StoredJson),
        status=bindparam("to_status", type_=bulk_operations.c.status.type),
        changed=bindparam("changed_by_now", type_=Integer()),
        missed=bindparam("missed_by_now", type_=Integer()),
        finished_at=bindparam("ended_at", type_=UTCDateTime()),
        claimed_until=bindparam("until", type_=UTCDateTime()),
        version=bulk_operations.c.version + 1,
    )
    .returning(bulk_operations.c.id)
)


@dataclass(frozen=True, slots=True)
class ClaimedOperation:
    """An operation in the hands of this process, with the tasks that it means.

    `changes` are what its latest portion did to tasks that are still there, and where these stand now.
    """

    operation: BulkOperation
    wanted: TaskFilter
    changes: Sequence[Change] = ()


class BulkOperations:
    """Operations on many tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._request_keys = RequestKeys(database)

    async def add(
        self, operation: BulkOperation, wanted: TaskFilter, key: IdempotencyKey | None = None
    ) -> MadeBefore | KeyReused | None:
        """Store an operation that is to be carried out; None where that was done, else what the key stands for."""
        row = {name: getattr(operation, name) for name in _NAMES}
        row["place"] = _PLACE.dump_python(operation.place, mode="json")
        row["filter"] = _FILTER.dump_python(wanted, mode="json")
        return await self._request_keys.once(
            key,
            str(operation.id),
            operation.created_at,
            lambda connection: connection.execute(insert(bulk_operations), row),
        )

    async def get(self, operation_id: UUID) -> BulkOperation | None:
        """The operation, or None where there is none of that id."""
        rows = await self._database.read(_GET, {"of_id": operation_id})
        return _to_operation(rows[0]) if rows else None

    async def latest(self, most: int) -> Sequence[BulkOperation]:
        """The latest operations, the newest first."""
        return [_to_operation(row) for row in await self._database.read(_LATEST, {"most": most})]

    async def claim(self, *, now: datetime, lease: timedelta) -> ClaimedOperation | None:
        """Take the oldest operation that nobody carries out; it is this process's until the lease ends."""
        rows = await self._database.run(_CLAIM, {"now": now, "until": now + lease})
        if not rows:
            return None
        return ClaimedOperation(_to_operation(rows[0]), _FILTER.validate_python(rows[0].filter))

    async def advance(self, claimed: ClaimedOperation, *, now: datetime, lease: timedelta) -> ClaimedOperation | None:
        """Do one portion; returns the operation as it stands then, or None where another process has it by now."""
        operation = claimed.operation
        async with self._database.transaction() as connection:
            last, matching = await self._look(connection, claimed)
            changed, changes = await self._apply(connection, operation, matching, now) if matching else (0, ())
            place = operation.place.moved(operation.action, last, changed)
            advanced = dataclasses.replace(
                operation,
                place=place or operation.place,
                status=BulkStatus.COMPLETED if place is None else BulkStatus.RUNNING,
                changed=operation.changed + changed,
                missed=operation.missed + (len(matching) - changed if operation.place.walk == 0 else 0),
                finished_at=now if place is None else None,
                version=operation.version + 1,
            )
            if not await self._note(connection, operation, advanced, claimed_until=now + lease):
                await connection.rollback()
                return None
        return dataclasses.replace(claimed, operation=advanced, changes=changes)

    async def _look(self, connection: AsyncConnection, claimed: ClaimedOperation) -> tuple[UUID | None, list[UUID]]:
        """The next tasks of the status at hand: the id of the last one, none where there is none, and which match."""
        place = claimed.operation.place
        status = place.status(claimed.operation.action)
        if claimed.wanted.status and status not in claimed.wanted.status:
            return None, []
        wanted = dataclasses.replace(claimed.wanted, status=())
        window = _window(wanted, status, place.after)
        ids = [row.id for row in await connection.execute(window)]
        if not ids:
            return None, []
        matching = select(tasks.c.id).where(in_ids(tasks.c.id, "ids"), *conditions(wanted)).order_by(tasks.c.id)
        return ids[-1], [row.id for row in await connection.execute(matching, {"ids": ids})]

    async def _apply(
        self, connection: AsyncConnection, operation: BulkOperation, ids: Sequence[UUID], now: datetime
    ) -> tuple[int, Sequence[Change]]:
        """Do it to these tasks; how many were changed, and how, but for those that are gone."""
        changes: list[Change] = []
        match operation.action:
            case BulkAction.CANCEL:
                asked = {"ids": ids, "now": now, "reason": operation.reason}
                waiting = await connection.execute(_CANCEL_WAITING, asked | {"error": from_error(CANCELLED_ERROR)})
                changes = _changes(EventType.CANCELLED, waiting)
                changes += _changes(EventType.CANCEL_REQUESTED, await connection.execute(_ASK_RUNNING, asked))
            case BulkAction.SET_PRIORITY:
                parameters = {"ids": ids, "now": now, "priority": operation.priority}
                changes = _changes(EventType.AMENDED, await connection.execute(_SET_PRIORITY, parameters))
            case BulkAction.RETRY:
                changes = await self._retry(connection, ids, now)
            case BulkAction.PURGE:
                purged = [row.id for row in await connection.execute(_PURGE, {"ids": ids})]
                await connection.execute(_PURGE_ATTEMPTS, {"ids": purged})
                await connection.execute(REMOVE_LINES, {"ids": purged})
                await connection.execute(REMOVE_CHECKPOINTS, {"ids": purged})
                return len(purged), ()
        return len(changes), changes

    async def _retry(self, connection: AsyncConnection, ids: Sequence[UUID], now: datetime) -> list[Change]:
        """Put tasks on their way again but for those whose unique key an active task has: halves find them."""
        try:
            async with connection.begin_nested():
                return _changes(EventType.RETRIED, await connection.execute(_RETRY, {"ids": ids, "now": now}))
        except IntegrityError:
            if len(ids) == 1:
                return []
            half = len(ids) // 2
            return await self._retry(connection, ids[:half], now) + await self._retry(connection, ids[half:], now)

    async def _note(
        self, connection: AsyncConnection, before: BulkOperation, after: BulkOperation, *, claimed_until: datetime
    ) -> bool:
        """Write how far the operation has come; False where it is no longer as it was."""
        noted = await connection.execute(
            _NOTE,
            {
                "of_id": before.id,
                "of_version": before.version,
                "reached": _PLACE.dump_python(after.place, mode="json"),
                "to_status": after.status,
                "changed_by_now": after.changed,
                "missed_by_now": after.missed,
                "ended_at": after.finished_at,
                "until": claimed_until,
            },
        )
        return bool(noted.all())


def _window(wanted: TaskFilter, status: Status, after: UUID | None) -> Select[UUID]:
    """The next tasks of a status among which those that are wanted can be."""
    least, above = id_bounds(wanted)
    where: list[ColumnElement[bool]] = [tasks.c.status == coded(status)]
    if wanted.id:
        where.append(is_one_of(tasks.c.id, wanted.id))
    if after is not None:
        where.append(tasks.c.id > after)
    if least is not None:
        where.append(tasks.c.id >= least)
    if above is not None:
        where.append(tasks.c.id < above)
    return select(tasks.c.id).where(*where).order_by(tasks.c.id).limit(LOOKED_AT)


def _changes(type_: EventType, rows: Iterable[Row[Any]]) -> list[Change]:
    return [(type_, Mark(**row._asdict())) for row in rows]


def _to_operation(row: Any) -> BulkOperation:  # noqa: ANN401 - a row
    fields = {name: getattr(row, name) for name in _NAMES}
    return BulkOperation(**{**fields, "place": _PLACE.validate_python(row.place)})
