"""Failures of late: of each task that failed, who ran it and why it failed, without the parts that may be large."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Text, case, func, literal_column, select

from narad.domain.failures import Failure
from narad.domain.status import Status
from narad.store.conditions import coded
from narad.store.database import Database
from narad.store.tables import tasks

MOST_FAILURES: Final = 500
"""Failed tasks that are looked at, those that were created last."""
LONGEST_MESSAGE: Final = 300
LONGEST_TAIL: Final = 1_500
"""Characters of a traceback that are read: those before the message that it ends with, with the innermost frames."""


def _of_error(name: str) -> ColumnElement[str]:
    return tasks.c.error.op("->>", return_type=Text())(literal_column(f"'{name}'"))


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer())


def _frames() -> ColumnElement[Any]:
    """The end of the traceback but for its message, which may be longer than all the rest."""
    traceback = _of_error("traceback")
    start = func.length(traceback) - func.length(_of_error("message")) - _number(LONGEST_TAIL - 1)
    return func.substr(traceback, case((start > _number(1), start), else_=_number(1)), _number(LONGEST_TAIL))


# A range and the status in the order, though it is one value: so that no other index in the order of ids will do.
_NEWEST = (
    select(
        tasks.c.id.label("task_id"),
        tasks.c.handler,
        tasks.c.finished_at,
        tasks.c.worker_id,
        _of_error("type").label("error_type"),
        func.substr(_of_error("message"), _number(1), _number(LONGEST_MESSAGE)).label("message"),
        _frames().label("traceback_tail"),
    )
    .where(tasks.c.status.between(coded(Status.FAILED), coded(Status.FAILED)))
    .order_by(tasks.c.status.desc(), tasks.c.id.desc())
    .limit(_number(MOST_FAILURES))
)


class Failures:
    """Tasks that failed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self) -> Sequence[Failure]:
        """The failed tasks that were created last, the newest first; no more than a fixed number."""
        return [Failure(**row._asdict()) for row in await self._database.read(_NEWEST)]
