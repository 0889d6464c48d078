"""Tasks in every state, with many ties and gaps, and what a list of them must be: a plain sorted Python list."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from narad.domain.status import Priority, Status
from narad.domain.task import Json, JsonObject, ListedTask, TaskError
from narad.store.filters import TaskFilter
from narad.store.order import Order, SortKey
from narad.store.store import Store
from narad.store.tables import tasks
from tests.support.tasks import NOW, later

WORKERS = (UUID(int=1), UUID(int=2))
NAMES = ("alpha", "Alpha", "ALPHA beta", "beta", "Zeta", "zeta", "_x", "100%", "Ärger", "ärger", "日本", "\U0001f600")
HANDLERS = ("demo.echo", "demo.fail", "images.thumbnail")
QUEUES = ("default", "images")
TAGS = ("red", "green", "blue")
ERRORS = ("ValueError", "Timeout")
MINUTE = timedelta(minutes=1)
CREATED = [NOW + number * MINUTE for number in range(8)]
STARTED = [NOW + number * MINUTE for number in range(30, 34)]
FINISHED = [NOW + number * MINUTE for number in range(40, 44)]

_TIME_SHIFT = 80
_serial = count(1)
_fresh = random.Random(7)


def id_at(moment: datetime) -> UUID:
    """A new id as made at that moment, higher than all those of the same moment before it."""
    milliseconds = int(moment.timestamp() * 1_000)
    return UUID(int=milliseconds << _TIME_SHIFT | 0x7 << 76 | 0x2 << 62 | next(_serial))


@dataclass(frozen=True, slots=True)
class Made:
    """A stored task, with what only the whole row tells."""

    task: ListedTask
    payload: JsonObject
    result: Json


def made(randomly: random.Random) -> Made:
    """A task in a random state that a task can be in, of values that often repeat."""
    status = randomly.choice(list(Status))
    began = status in {Status.IN_PROGRESS, Status.COMPLETED} or (status is not Status.NEW and randomly.random() < 0.5)
    failed = status is Status.FAILED or (began and randomly.random() < 0.3)
    at = randomly.choice(CREATED)
    error = TaskError(type=randomly.choice(ERRORS), message="It failed.", traceback="line 1", retryable=True)
    task = ListedTask(
        id=id_at(at),
        name=randomly.choice(NAMES),
        description=None,
        priority=randomly.choice(list(Priority)),
        status=status,
        handler=randomly.choice(HANDLERS),
        queue=randomly.choice(QUEUES),
        tags=tuple(randomly.sample(TAGS, randomly.randrange(3))),
        # Not quite what the id says: another clock told it.
        created_at=at + randomly.choice([-20, 0, 0, 20]) * MINUTE,
        run_at=at,
        expires_at=None,
        started_at=randomly.choice(STARTED) if began else None,
        finished_at=randomly.choice(FINISHED) if status.is_final else None,
        cancel_requested_at=None,
        cancel_reason=None,
        unique_key=None,
        attempt=int(began),
        failures=int(failed),
        losses=0,
        max_attempts=3,
        max_losses=3,
        timeout_seconds=None,
        created_by=None,
        parent_id=None,
        worker_id=randomly.choice(WORKERS) if began else None,
        progress=None,
        error=error if failed else None,
        version=1,
    )
    return Made(task, {"n": randomly.randrange(9)}, {"bytes": 1} if status is Status.COMPLETED else None)


async def put(store: Store, population: Sequence[Made]) -> None:
    """Store them."""
    async with store.database.transaction() as connection:
        await connection.execute(insert(tasks), [_row(one) for one in population])


def fresh() -> Made:
    """One more of them."""
    return made(_fresh)


def _row(one: Made) -> dict[str, Any]:
    row = {**asdict(one.task), "payload": one.payload, "result": one.result}
    return row | {"tags": list(one.task.tags), "due_at": later(0) if one.task.status is Status.NEW else None}


def expected(population: Sequence[Made], wanted: TaskFilter, order: Order) -> list[UUID]:
    """The ids of a list, as plain Python makes it."""
    matching = [one.task for one in population if all(_answers(one.task, wanted))]
    having = [task for task in matching if _key(task, order) is not None]
    lacking = [task for task in matching if _key(task, order) is None]
    having.sort(key=lambda task: (_key(task, order), task.id), reverse=order.descending)
    lacking.sort(key=lambda task: task.id, reverse=order.descending)
    return [task.id for task in having + lacking]


def _key(task: ListedTask, order: Order) -> Any:  # noqa: ANN401 - of one type in each order
    match order.key:
        case SortKey.CREATED_AT:
            return task.id
        case SortKey.PRIORITY:
            return list(Priority).index(task.priority)
        case _:
            return getattr(task, order.key)


def _answers(task: ListedTask, wanted: TaskFilter) -> Iterator[bool]:
    yield not wanted.id or task.id in wanted.id
    yield not wanted.status or task.status in wanted.status
    yield not wanted.priority or task.priority in wanted.priority
    yield not wanted.handler or task.handler in wanted.handler
    yield not wanted.queue or task.queue in wanted.queue
    yield not wanted.worker or task.worker_id in wanted.worker
    yield not wanted.tag or bool(set(wanted.tag) & set(task.tags))
    yield wanted.name is None or wanted.name.lower() in task.name.lower()
    yield wanted.q is None or _is_found(task, wanted.q)
    yield wanted.error_type is None or (task.error is not None and task.error.type == wanted.error_type)
    yield wanted.has_error is None or wanted.has_error is (task.error is not None)
    yield _within(task.created_at, wanted.created_after, wanted.created_before)
    yield _within(task.started_at, wanted.started_after, wanted.started_before)
    yield _within(task.finished_at, wanted.finished_after, wanted.finished_before)


def _is_found(task: ListedTask, q: str) -> bool:
    digits = q.replace("-", "").lower()
    return q.lower() in task.name.lower() or q in task.tags or (len(digits) >= 8 and task.id.hex.startswith(digits))


def _within(moment: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if after is None and before is None:
        return True
    return moment is not None and (after is None or moment >= after) and (before is None or moment < before)
