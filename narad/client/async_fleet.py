"""`client.handlers`, `queues`, `workers`, `keys` and `audit`, on a loop."""

from collections.abc import AsyncIterator, Sequence
from typing import Unpack

from narad.client import fleet_flows
from narad.client.async_shell import AsyncShell
from narad.client.fleet_views import AuditEntry, HandlerInfo, IssuedKey, Key, Listed, Queue, Worker, WorkerState
from narad.client.words import KeyOptions


class AsyncHandlers:
    """The handlers that workers have published."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    async def list(self) -> tuple[HandlerInfo, ...]:
        """All of them, by name."""
        return await self._shell.run(fleet_flows.read_all(HandlerInfo, "handlers"))

    async def get(self, name: str) -> HandlerInfo:
        """One of them."""
        return await self._shell.run(fleet_flows.read(HandlerInfo, "handlers", name))


class AsyncQueues:
    """The queues that handlers, workers or tasks name."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    async def list(self) -> tuple[Queue, ...]:
        """All of them, by name."""
        return await self._shell.run(fleet_flows.read_all(Queue, "queues"))

    async def get(self, name: str) -> Queue:
        """One of them."""
        return await self._shell.run(fleet_flows.read(Queue, "queues", name))

    async def pause(self, name: str, reason: str | None = None) -> Queue:
        """Have nothing new started from it; tasks are still accepted and wait."""
        return await self._shell.run(
            fleet_flows.order(Queue, "queues", name, "pause", body=fleet_flows.pause_body(reason))
        )

    async def resume(self, name: str) -> Queue:
        """Have its tasks started again."""
        return await self._shell.run(fleet_flows.order(Queue, "queues", name, "resume"))


class AsyncWorkers:
    """The workers, those that started last first."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    async def list(
        self, *, state: Sequence[WorkerState] = (), limit: int | None = None, cursor: str | None = None
    ) -> Listed[Worker]:
        """A page of them."""
        return await self._shell.run(
            fleet_flows.page(Worker, "workers", state=tuple(state), limit=limit, cursor=cursor)
        )

    async def iter(self, *, state: Sequence[WorkerState] = ()) -> AsyncIterator[Worker]:
        """All of them, page after page as they are needed."""
        page = await self.list(state=state)
        for one in page.items:
            yield one
        while page.next_cursor is not None:
            page = await self.list(state=state, cursor=page.next_cursor)
            for one in page.items:
                yield one

    async def get(self, worker_id: str) -> Worker:
        """One of them."""
        return await self._shell.run(fleet_flows.read(Worker, "workers", worker_id))

    async def quiet(self, worker_id: str) -> Worker:
        """Have it take nothing new; what it runs goes on."""
        return await self._shell.run(fleet_flows.order(Worker, "workers", worker_id, "quiet"))

    async def resume(self, worker_id: str) -> Worker:
        """Have a quiet one take tasks again."""
        return await self._shell.run(fleet_flows.order(Worker, "workers", worker_id, "resume"))

    async def drain(self, worker_id: str) -> Worker:
        """Have its process end as by SIGTERM; this cannot be taken back."""
        return await self._shell.run(fleet_flows.order(Worker, "workers", worker_id, "drain"))


class AsyncKeys:
    """The API keys, the newest first."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    async def create(self, name: str, **options: Unpack[KeyOptions]) -> IssuedKey:
        """Create one; its secret is in `key` of what this returns, and nowhere else."""
        return await self._shell.run(fleet_flows.create_key(name, options))

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> Listed[Key]:
        """A page of them, those that were revoked too."""
        return await self._shell.run(fleet_flows.page(Key, "keys", limit=limit, cursor=cursor))

    async def iter(self) -> AsyncIterator[Key]:
        """All of them, page after page as they are needed."""
        page = await self.list()
        for one in page.items:
            yield one
        while page.next_cursor is not None:
            page = await self.list(cursor=page.next_cursor)
            for one in page.items:
                yield one

    async def get(self, key_id: str) -> Key:
        """One of them."""
        return await self._shell.run(fleet_flows.read(Key, "keys", key_id))

    async def revoke(self, key_id: str) -> Key:
        """Have it open nothing any more, for ever."""
        return await self._shell.run(fleet_flows.order(Key, "keys", key_id, method="DELETE"))

    async def rotate(
        self, key_id: str, *, overlap_seconds: float | None = None, expires_in_days: float | None = None
    ) -> IssuedKey:
        """Give it a new secret; the one before is good for a day more, or for `overlap_seconds`."""
        return await self._shell.run(fleet_flows.rotate_key(key_id, overlap_seconds, expires_in_days))


class AsyncAudit:
    """What was changed and by whom, the latest first."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    async def list(
        self,
        *,
        key_id: str | None = None,
        target: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Listed[AuditEntry]:
        """A page of it."""
        return await self._shell.run(
            fleet_flows.page(AuditEntry, "audit", key_id=key_id, target=target, limit=limit, cursor=cursor)
        )
