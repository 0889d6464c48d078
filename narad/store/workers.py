"""Workers: their rows, their leases, the orders they get, and the rescue of what a lost one held."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Integer, bindparam, case, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from narad.domain.decide import CANCELLED_ERROR
from narad.domain.fleet import Orders, WorkerOrder
from narad.domain.status import Priority, Status
from narad.domain.task import TaskError
from narad.store.attempts import KEEP_FAILED
from narad.store.conditions import IS_RUNNING, coded
from narad.store.database import Database
from narad.store.dialects import in_select
from narad.store.rows import from_error
from narad.store.tables import attempts, queues, tasks, workers
from narad.store.types import StoredJson, UTCDateTime

_now = bindparam("now", type_=UTCDateTime())
_RENEW = (
    update(workers)
    .where(workers.c.id == bindparam("worker_id"), workers.c.stopped_at.is_(None))
    .values(
        heartbeat_at=_now,
        lease_expires_at=bindparam("until", type_=UTCDateTime()),
        draining=bindparam("drains", type_=Integer()),
        busy=bindparam("slots", type_=Integer()),
    )
    .returning(workers.c.ordered)
)
_PAUSED = select(queues.c.name)
_STOP = (
    update(workers)
    .where(workers.c.id == bindparam("worker_id"), workers.c.stopped_at.is_(None))
    .values(stopped_at=_now)
)
_STOP_NAMESAKES = (
    update(workers)
    .where(workers.c.name == bindparam("of_name"), workers.c.stopped_at.is_(None))
    .values(stopped_at=_now, lost=1)
)
_EXPIRE = (
    update(workers)
    .where(workers.c.stopped_at.is_(None), workers.c.lease_expires_at < _now)
    .values(stopped_at=_now, lost=1)
    .returning(workers.c.id)
)

_asked = tasks.c.cancel_requested_at.is_not(None)
_worn_out = tasks.c.losses + 1 > tasks.c.max_losses
_ends = or_(_asked, _worn_out)
_RESCUE = (
    update(tasks)
    .where(IS_RUNNING, in_select(tasks.c.worker_id, select(workers.c.id).where(workers.c.stopped_at.is_not(None))))
    .values(
        status=case((_asked, coded(Status.CANCELLED)), (_worn_out, coded(Status.FAILED)), else_=coded(Status.PENDING)),
        losses=tasks.c.losses + 1,
        finished_at=case((_ends, _now), else_=None),
        error=case(
            (_asked, bindparam("cancelled", type_=StoredJson)),
            (_worn_out, bindparam("lost", type_=StoredJson)),
            else_=tasks.c.error,
        ),
        run_at=case((_ends, tasks.c.run_at), else_=_now),
        due_at=case((_ends, None), else_=_now),
        handovers=0,
        deadline_at=None,
        version=tasks.c.version + 1,
    )
    .returning(tasks.c.id, tasks.c.attempt, tasks.c.status, tasks.c.handler, tasks.c.priority)
)
_QUEUES = select(workers.c.queues).where(workers.c.stopped_at.is_(None))
_LOST = TaskError(type="WorkerLost", message="The worker stopped giving signs of life while running this attempt.")
_BLAME = update(tasks).where(tasks.c.id == bindparam("task_id")).values(error=bindparam("evidence", type_=StoredJson))
_LOSSES = (
    select(attempts.c.attempt, attempts.c.worker_id)
    .where(attempts.c.task_id == bindparam("task_id"))
    .order_by(attempts.c.attempt)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorker:
    """A worker process as it registers itself."""

    id: UUID
    name: str | None = None
    host: str
    pid: int
    version: str
    concurrency: int
    queues: tuple[str, ...]
    handlers: tuple[str, ...]
    ordered: WorkerOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescued:
    """A task taken from a lost worker, and where it stands now."""

    id: UUID
    attempt: int
    status: Status
    handler: str
    priority: Priority


class Workers:
    """The fleet."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._database = database
        self._lease = lease

    async def register(self, worker: NewWorker, *, now: datetime) -> None:
        """Add the row of a worker that starts, with a fresh lease. Its earlier incarnations of that name are lost."""
        row = asdict(worker) | {"started_at": now, "heartbeat_at": now, "lease_expires_at": now + self._lease}
        async with self._database.transaction() as connection:
            if worker.name is not None:
                await connection.execute(_STOP_NAMESAKES, {"of_name": worker.name, "now": now})
            await connection.execute(insert(workers), row)

    async def renew(self, worker_id: UUID, *, now: datetime, draining: bool = False, busy: int = 0) -> Orders | None:
        """Prolong the lease and hear what is ordered; `busy` tells how many slots are in use.

        None means fenced: the worker was declared lost and owns nothing any more.
        """
        parameters = {
            "worker_id": worker_id,
            "now": now,
            "until": now + self._lease,
            "drains": int(draining),
            "slots": busy,
        }
        renewed = await self._database.run(_RENEW, parameters)
        if not renewed:
            return None
        return Orders(ordered=renewed[0].ordered, paused=await self.paused_queues())

    async def paused_queues(self) -> frozenset[str]:
        """The queues from which nothing new may be started."""
        return frozenset(row.name for row in await self._database.read(_PAUSED))

    async def stop(self, worker_id: UUID, *, now: datetime) -> None:
        """Give the lease back, at a clean end."""
        await self._database.run(_STOP, {"worker_id": worker_id, "now": now})

    async def queues(self) -> Sequence[str]:
        """The queues that living workers serve."""
        rows = await self._database.read(_QUEUES)
        return sorted({queue for row in rows for queue in row.queues})

    async def ping(self) -> None:
        """See that the store answers."""
        await self._database.ping()

    async def rescue(self, *, now: datetime) -> Sequence[Rescued]:
        """Declare workers lost whose lease ran out, and take their tasks from them.

        A task whose cancel was asked for becomes CANCELLED; one that has used up its allowance of lost workers FAILED;
        the others PENDING, to run again at once. Only `losses` is charged: no attempt of theirs failed.
        """
        await self._database.run(_EXPIRE, {"now": now})
        errors = {"cancelled": from_error(CANCELLED_ERROR), "lost": from_error(_LOST)}
        async with self._database.transaction() as connection:
            found = await connection.execute(_RESCUE, {"now": now} | errors)
            rescued = [Rescued(**row._asdict()) for row in found]
            if rescued:
                evidence = {"ids": [task.id for task in rescued], "now": now, "instead": from_error(_LOST)}
                await connection.execute(KEEP_FAILED, evidence)
            for task in rescued:
                if task.status is Status.FAILED:
                    await _blame(connection, task.id)
        return rescued


async def _blame(connection: AsyncConnection, task_id: UUID) -> None:
    """Say in the error of a task which workers were lost with it."""
    losses = [
        f"attempt {row.attempt} on worker {row.worker_id}"
        for row in await connection.execute(_LOSSES, {"task_id": task_id})
    ]
    message = f"The task used up its allowance of lost workers. Failed or lost: {', '.join(losses)}."
    error = TaskError(type="WorkerLost", message=message, retryable=False)
    await connection.execute(_BLAME, {"task_id": task_id, "evidence": from_error(error)})
