"""Retention: what is long over is removed, a portion at a time, so that nobody has to wait for it."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Integer, Uuid, bindparam, delete, select

from narad.domain.status import FINAL
from narad.ids import first_id_at
from narad.store.catalogue import KEPT
from narad.store.checkpoints import REMOVE_CHECKPOINTS
from narad.store.conditions import IS_RUNNING, has_status
from narad.store.database import Database
from narad.store.dialects import in_ids, in_select
from narad.store.log_lines import REMOVE_LINES
from narad.store.tables import attempts, handlers, idempotency_keys, tasks, workers
from narad.store.types import UTCDateTime

KEYS_KEPT: Final = timedelta(hours=24)
"""How long an idempotency key stands for its request."""

_before = bindparam("before", type_=UTCDateTime())

# Ids grow with time, so the bound leads to the oldest rows by an index, and a plan may leave out whole partitions. What
# was created long ago and has ended lately is left for later.
_chosen = {
    status: select(tasks.c.id)
    .where(has_status(status), tasks.c.id < bindparam("bound", type_=Uuid()), tasks.c.finished_at < _before)
    .order_by(tasks.c.id)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    .cte("chosen")
    for status in FINAL
}
_PRUNE_TASKS = {
    status: delete(tasks).where(in_select(tasks.c.id, select(chosen.c.id))).returning(tasks.c.id)
    for status, chosen in _chosen.items()
}
_PRUNE_ATTEMPTS = delete(attempts).where(in_ids(attempts.c.task_id, "ids"))
_PRUNE_WORKERS = delete(workers).where(
    workers.c.stopped_at < _before, ~select(tasks.c.id).where(IS_RUNNING, tasks.c.worker_id == workers.c.id).exists()
)
_PRUNE_HANDLERS = delete(handlers).where(handlers.c.seen_at < _before)
_old_keys = (
    select(idempotency_keys.c.digest)
    .where(idempotency_keys.c.created_at < _before)
    .order_by(idempotency_keys.c.created_at)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_PRUNE_KEYS = (
    delete(idempotency_keys)
    .where(in_select(idempotency_keys.c.digest, select(_old_keys.c.digest)))
    .returning(idempotency_keys.c.digest)
)


class Retention:
    """Removes rows that nobody needs any more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prune_tasks(self, most: int, *, before: datetime) -> int:
        """Remove up to `most` tasks of each final status that ended `before`, with what is kept of them; how many."""
        pruned = 0
        bound = first_id_at(before)
        for statement in _PRUNE_TASKS.values():
            async with self._database.transaction() as connection:
                found = await connection.execute(statement, {"before": before, "bound": bound, "most": most})
                ids = [row.id for row in found]
                if ids:
                    await connection.execute(_PRUNE_ATTEMPTS, {"ids": ids})
                    await connection.execute(REMOVE_LINES, {"ids": ids})
                    await connection.execute(REMOVE_CHECKPOINTS, {"ids": ids})
            pruned += len(ids)
        return pruned

    async def prune_keys(self, most: int, *, now: datetime) -> int:
        """Forget up to `most` idempotency keys whose time is over; how many."""
        return len(await self._database.run(_PRUNE_KEYS, {"before": now - KEYS_KEPT, "most": most}))

    async def prune_fleet(self, *, before: datetime, now: datetime) -> None:
        """Remove workers that stopped before that time, and handlers that no worker has published for long."""
        await self._database.run(_PRUNE_WORKERS, {"before": before})
        await self._database.run(_PRUNE_HANDLERS, {"before": now - KEPT})
