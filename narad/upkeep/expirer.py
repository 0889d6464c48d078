"""The expirer: fails tasks that were not started in time."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from typing_extensions import override

from narad.clock import Clock
from narad.domain.event import OF_STATUS, TaskEvent
from narad.domain.status import Status
from narad.errors import StoreUnavailableError
from narad.events.base import SILENCE, Announcer
from narad.service import Service
from narad.store.tasks import Tasks
from narad.tally import Tally

log = structlog.get_logger(__name__)

_MOST = 500


class Expirer(Service):
    """Looks for overdue tasks at a steady pace. Any number of expirers may run: each task expires once."""

    def __init__(
        self, tasks: Tasks, clock: Clock, tally: Tally, *, pause_seconds: float, events: Announcer = SILENCE
    ) -> None:
        super().__init__()
        self._tally = tally
        self._events = events
        self._tasks = tasks
        self._clock = clock
        self._pause_seconds = pause_seconds

    @override
    async def start(self) -> None:
        self._spawn(self._watch())

    async def _watch(self) -> None:
        while True:
            expired = 0
            try:
                found = await self._tasks.expire(_MOST, now=self._clock.now())
                expired = len(found)
                for task in found:
                    log.info("task.expired", task_id=str(task.id))
                    self._tally.finished(task.handler, task.priority, Status.FAILED)
                if found and self._events.wanted:
                    self._events.publish(self._expired([task.id for task in found]))
            except StoreUnavailableError as error:
                log.warning("expirer.store_unavailable", reason=str(error))
            if expired < _MOST:
                await asyncio.sleep(self._pause_seconds)

    def _expired(self, ids: Sequence[UUID]) -> list[TaskEvent]:
        now = self._clock.now()
        return [
            TaskEvent(type=OF_STATUS[Status.FAILED], id=id_, at=now, status=Status.FAILED, attempt=0) for id_ in ids
        ]
