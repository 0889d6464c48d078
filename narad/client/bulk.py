"""`client.bulk`: operations on many tasks, blocking."""

from typing import Literal, Self, Unpack, overload

from narad.client import bulk_flows, fleet_flows
from narad.client.bodies import seconds_of
from narad.client.errors import OperationTimeout
from narad.client.fleet_views import BulkAction, BulkFields, BulkPreview
from narad.client.shell import Shell
from narad.client.waiting import Deadline
from narad.client.words import BulkWanted, Priority, Seconds


class BulkOperation(BulkFields):
    """An operation as it was read last. It cannot be called back; it may be waited for."""

    def __init__(self, shell: Shell, fields: BulkFields) -> None:
        self._shell = shell
        self.__dict__.update(vars(fields))

    def refresh(self) -> Self:
        """Read it again."""
        self.__dict__.update(vars(self._shell.run(bulk_flows.get(self.id))))
        return self

    def wait(self, timeout: Seconds | None = None) -> Self:
        """Wait until it has been carried out.

        Raises:
            OperationTimeout: it has not within this time, and goes on.
        """
        seconds = None if timeout is None else seconds_of(timeout)
        self.__dict__.update(vars(self._shell.run(bulk_flows.carried_out(self.id, Deadline.after(seconds)))))
        if not self.is_final:
            raise OperationTimeout(self, seconds or 0)
        return self


class Bulk:
    """Operations on many tasks at once. They are for one of `filter`, `ids`, or `all=True`; `dry_run` only counts."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @overload
    def cancel(self, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]) -> BulkOperation: ...
    @overload
    def cancel(self, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]) -> BulkPreview: ...
    def cancel(self, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]) -> BulkOperation | BulkPreview:
        """Cancel tasks: those that wait at once; those that run are asked to stop."""
        return self.run("cancel", dry_run=dry_run, **wanted)

    @overload
    def retry(self, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]) -> BulkOperation: ...
    @overload
    def retry(self, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]) -> BulkPreview: ...
    def retry(self, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]) -> BulkOperation | BulkPreview:
        """Have tasks run again that ended FAILED or CANCELLED."""
        return self.run("retry", dry_run=dry_run, **wanted)

    @overload
    def set_priority(
        self, priority: Priority, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]
    ) -> BulkOperation: ...
    @overload
    def set_priority(
        self, priority: Priority, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]
    ) -> BulkPreview: ...
    def set_priority(
        self, priority: Priority, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]
    ) -> BulkOperation | BulkPreview:
        """Give tasks that wait another priority."""
        return self.run("set_priority", priority=priority, dry_run=dry_run, **wanted)

    @overload
    def purge(self, *, dry_run: Literal[False] = False, **wanted: Unpack[BulkWanted]) -> BulkOperation: ...
    @overload
    def purge(self, *, dry_run: Literal[True], **wanted: Unpack[BulkWanted]) -> BulkPreview: ...
    def purge(self, *, dry_run: bool = False, **wanted: Unpack[BulkWanted]) -> BulkOperation | BulkPreview:
        """Remove tasks that have ended, for good."""
        return self.run("purge", dry_run=dry_run, **wanted)

    def run(
        self, action: BulkAction, *, dry_run: bool, priority: Priority | None = None, **wanted: Unpack[BulkWanted]
    ) -> BulkOperation | BulkPreview:
        """Do any of these."""
        if dry_run:
            return self._shell.run(bulk_flows.preview(action, wanted, priority))
        return BulkOperation(self._shell, self._shell.run(bulk_flows.begin(action, wanted, priority)))

    def get(self, operation_id: str) -> BulkOperation:
        """An operation, and how far it has come."""
        return BulkOperation(self._shell, self._shell.run(bulk_flows.get(operation_id)))

    def list(self) -> tuple[BulkOperation, ...]:
        """The latest 50 operations, the newest first."""
        found = self._shell.run(fleet_flows.read_all(BulkFields, "bulk-operations"))
        return tuple(BulkOperation(self._shell, fields) for fields in found)
