"""Lines that handlers logged. They go with their tasks: `narad.store.retention`, `narad.store.bulk`."""

import dataclasses
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Integer, Text, Uuid, bindparam, delete, select, tuple_

from narad.domain.log_line import LogLevel, LogLine
from narad.store.database import Database
from narad.store.dialects import in_ids, in_select, insert_unless_present, rows_of
from narad.store.tables import log_lines, tasks
from narad.store.types import Code, UTCDateTime

START: Final = (0, 0)
"""Before the first line of a task."""

_NAMES = [field.name for field in dataclasses.fields(LogLine)]
_rows = rows_of(
    "rows",
    "r",
    task_id=Uuid(),
    attempt=Integer(),
    number=Integer(),
    at=UTCDateTime(),
    level=Code(LogLevel),
    message=Text(),
)
_v = select(*_rows.c).cte("v")
# A task may have been removed while a worker that had lost it still spoke; nothing would ever remove its lines.
_of_known_tasks = (
    select(*(_v.c[name] for name in _NAMES))
    .join(tasks, tasks.c.id == _v.c.task_id)
    .where(in_select(tasks.c.id, select(_v.c.task_id)))
)
_READ = (
    select(*(log_lines.c[name] for name in _NAMES))
    .where(
        log_lines.c.task_id == bindparam("of_task"),
        tuple_(log_lines.c.attempt, log_lines.c.number)
        > tuple_(bindparam("after_attempt", type_=Integer()), bindparam("after_number", type_=Integer())),
    )
    .order_by(log_lines.c.attempt, log_lines.c.number)
    .limit(bindparam("most", type_=Integer()))
)
_READ_LATEST = (
    select(*(log_lines.c[name] for name in _NAMES))
    .where(log_lines.c.task_id == bindparam("of_task"))
    .order_by(log_lines.c.attempt.desc(), log_lines.c.number.desc())
    .limit(bindparam("most", type_=Integer()))
)
REMOVE_LINES = delete(log_lines).where(in_ids(log_lines.c.task_id, "ids"))
"""Remove the lines of tasks, in the transaction that removes these."""


class LogLines:
    """What handlers logged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = insert_unless_present(log_lines, database.url.get_backend_name(), _NAMES, _of_known_tasks)

    async def add(self, lines: Sequence[LogLine]) -> None:
        """Keep lines of any attempts; those that are kept already stay as they are."""
        await self._database.run(self._add, {"rows": [_row(line) for line in lines]})

    async def read(self, task_id: UUID, limit: int, *, after: tuple[int, int] = START) -> Sequence[LogLine]:
        """Up to `limit` lines of a task, the first first, of those `after` an attempt and number."""
        attempt, number = after
        parameters = {"of_task": task_id, "after_attempt": attempt, "after_number": number, "most": limit}
        return [LogLine(**row._asdict()) for row in await self._database.read(_READ, parameters)]

    async def latest(self, task_id: UUID, most: int) -> Sequence[LogLine]:
        """The latest lines of a task, the first of them first."""
        rows = await self._database.read(_READ_LATEST, {"of_task": task_id, "most": most})
        return [LogLine(**row._asdict()) for row in reversed(rows)]


def _row(line: LogLine) -> dict[str, object]:
    return {name: getattr(line, name) for name in _NAMES}
