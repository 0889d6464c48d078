"""`client.bulk`: operations on many tasks, on a loop."""

from typing import Literal, Self, Unpack, overload

from narad.client import bulk_flows, fleet_flows
from narad.client.async_shell import AsyncShell
from narad.client.bodies import seconds_of
from narad.client.errors import OperationTimeout
from narad.client.fleet_views import BulkAction, BulkFields, BulkPreview
from narad.client.waiting import Deadline
from narad.client.words import BulkWanted, Priority, Seconds


class AsyncBulkOperation(BulkFields):
    """An operation as it was read last. It cannot be called back; it may be waited for."""

    def __init__(self, shell: AsyncShell, fields: BulkFields) -> None:
        self._shell = shell
        self.__dict__.update(vars(fields))

    async def refresh(self) -> Self:
        """Read it again."""
        self.__dict__.update(vars(await self._shell.run(bulk_flows.get(self.id))))
        return self

    async def wait(self, timeout: Seconds | None = None) -> Self:
        """Wait until it has been carried out.

        Raises:
            OperationTimeout: it has not within this time, and goes on.
        """
        seconds = None if timeout is None else seconds_of(timeout)
        self.__dict__.update(vars(await self._shell.run(bulk_flows.carried_out(self.id, Deadline.after(seconds)))))
        if not self.is_final:
            raise OperationTimeout(self, seconds or 0)
        return self


class AsyncBulk:
    """Operations on many tasks at once. They are for one of `filter`, `ids`, or `all=True`; `dry_run` only counts."""

    def __init__(self, shell: AsyncShell) -> None:
        self._shell = shell

    @overload
    async def cancel(self, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]) -> AsyncBulkOperation: ...
    @overload
    async def cancel(self, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]) -> BulkPreview: ...
    async def cancel(self, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]) -> AsyncBulkOperation | BulkPreview:
        """Cancel tasks: those that wait at once; those that run are asked to stop."""
        return await self.run("cancel", dry_run=dry_run, **wanted)

    @overload
    async def retry(self, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]) -> AsyncBulkOperation: ...
    @overload
    async def retry(self, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]) -> BulkPreview: ...
    async def retry(self, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]) -> AsyncBulkOperation | BulkPreview:
        """Have tasks run again that ended FAILED or CANCELLED."""
        return await self.run("retry", dry_run=dry_run, **wanted)

    @overload
    async def set_priority(
        self, priority: Priority, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]
    ) -> AsyncBulkOperation: ...
    @overload
    async def set_priority(
        self, priority: Priority, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]
    ) -> BulkPreview: ...
    async def set_priority(
        self, priority: Priority, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]
    ) -> AsyncBulkOperation | BulkPreview:
        """Give tasks that wait another priority."""
        return await self.run("set_priority", priority=priority, dry_run=dry_run, **wanted)

    @overload
    async def purge(self, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]) -> AsyncBulkOperation: ...
    @overload
    async def purge(self, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]) -> BulkPreview: ...
    async def purge(self, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]) -> AsyncBulkOperation | BulkPreview:
        """Remove tasks that have ended, for good."""
        return await self.run("purge", dry_run=dry_run, **wanted)

    async def run(
        self, action: BulkAction, *, dry_run: bool, priority: Priority | None = None, **wanted: Unpack[BulkWanted]
    ) -> AsyncBulkOperation | BulkPreview:
        """Do any of these."""
        if dry_run:
            return await self._shell.run(bulk_flows.preview(action, wanted, priority))
        return AsyncBulkOperation(self._shell, await self._shell.run(bulk_flows.begin(action, wanted, priority)))

    async def get(self, operation_id: str) -> AsyncBulkOperation:
        """An operation, and how far it has come."""
        return AsyncBulkOperation(self._shell, await self._shell.run(bulk_flows.get(operation_id)))

    async def list(self) -> tuple[AsyncBulkOperation, ...]:
        """The latest 50 operations, the newest first."""
        found = await self._shell.run(fleet_flows.read_all(BulkFields, "bulk-operations"))
        return tuple(AsyncBulkOperation(self._shell, fields) for fields in found)
