"""Workers: their rows, their leases, and the rescue of what a lost one held."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Integer, bindparam, case, insert, or_, select, update

from narad.domain.decide import CANCELLED_ERROR
from narad.domain.status import Status
from narad.domain.task import TaskError
from narad.store.conditions import IS_RUNNING, coded
from narad.store.database import Database
from narad.store.dialects import in_select
from narad.store.rows import from_error
from narad.store.tables import tasks, workers
from narad.store.types import StoredJson, UTCDateTime

_now = bindparam("now", type_=UTCDateTime())
_RENEW = (
    update(workers)
    .where(workers.c.id == bindparam("worker_id"), workers.c.stopped_at.is_(None))
    .values(
        heartbeat_at=_now,
        lease_expires_at=bindparam("until", type_=UTCDateTime()),
        draining=bindparam("drains", type_=Integer()),
    )
    .returning(workers.c.id)
)
_STOP = (
    update(workers)
    .where(workers.c.id == bindparam("worker_id"), workers.c.stopped_at.is_(None))
    .values(stopped_at=_now)
)
_EXPIRE = (
    update(workers)
    .where(workers.c.stopped_at.is_(None), workers.c.lease_expires_at < _now)
    .values(stopped_at=_now)
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
        worker_id=case((_ends, tasks.c.worker_id), else_=None),
        deadline_at=None,
        version=tasks.c.version + 1,
    )
    .returning(tasks.c.id, tasks.c.attempt, tasks.c.status)
)
_LOST = TaskError(
    type="WorkerLost",
    message="The task used up its allowance of lost workers: each stopped giving signs of life while running it.",
    retryable=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorker:
    """A worker process as it registers itself."""

    id: UUID
    host: str
    pid: int
    version: str
    concurrency: int
    queues: tuple[str, ...]
    handlers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescued:
    """A task taken from a lost worker, and where it stands now."""

    id: UUID
    attempt: int
    status: Status


class Workers:
    """The fleet."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._database = database
        self._lease = lease

    async def register(self, worker: NewWorker, *, now: datetime) -> None:
        """Add the row of a worker that starts, with a fresh lease."""
        row = asdict(worker) | {"started_at": now, "heartbeat_at": now, "lease_expires_at": now + self._lease}
        await self._database.run(insert(workers), row)

    async def renew(self, worker_id: UUID, *, now: datetime, draining: bool = False) -> bool:
        """Prolong the lease; False means fenced: the worker was declared lost and owns nothing any more."""
        parameters = {"worker_id": worker_id, "now": now, "until": now + self._lease, "drains": int(draining)}
        return bool(await self._database.run(_RENEW, parameters))

    async def stop(self, worker_id: UUID, *, now: datetime) -> None:
        """Give the lease back, at a clean end."""
        await self._database.run(_STOP, {"worker_id": worker_id, "now": now})

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
        rows = await self._database.run(_RESCUE, {"now": now} | errors)
        return [Rescued(id=row.id, attempt=row.attempt, status=row.status) for row in rows]
