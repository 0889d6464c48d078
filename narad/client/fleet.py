"""`client.handlers`, `queues`, `workers`, `keys` and `audit`, blocking."""

from collections.abc import Iterator, Sequence
from typing import Unpack

from narad.client import fleet_flows
from narad.client.fleet_views import AuditEntry, HandlerInfo, IssuedKey, Key, Listed, Queue, Worker, WorkerState
from narad.client.shell import Shell
from narad.client.words import KeyOptions


class Handlers:
    """The handlers that workers have published."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def list(self) -> tuple[HandlerInfo, ...]:
        """All of them, by name."""
        return self._shell.run(fleet_flows.read_all(HandlerInfo, "handlers"))

    def get(self, name: str) -> HandlerInfo:
        """One of them."""
        return self._shell.run(fleet_flows.read(HandlerInfo, "handlers", name))


class Queues:
    """The queues that handlers, workers or tasks name."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def list(self) -> tuple[Queue, ...]:
        """All of them, by name."""
        return self._shell.run(fleet_flows.read_all(Queue, "queues"))

    def get(self, name: str) -> Queue:
        """One of them."""
        return self._shell.run(fleet_flows.read(Queue, "queues", name))

    def pause(self, name: str, reason: str | None = None) -> Queue:
        """Have nothing new started from it; tasks are still accepted and wait."""
        return self._shell.run(fleet_flows.order(Queue, "queues", name, "pause", body=fleet_flows.pause_body(reason)))

    def resume(self, name: str) -> Queue:
        """Have its tasks started again."""
        return self._shell.run(fleet_flows.order(Queue, "queues", name, "resume"))


class Workers:
    """The workers, those that started last first."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def list(
        self, *, state: Sequence[WorkerState] = (), limit: int | None = None, cursor: str | None = None
    ) -> Listed[Worker]:
        """A page of them."""
        return self._shell.run(fleet_flows.page(Worker, "workers", state=tuple(state), limit=limit, cursor=cursor))

    def iter(self, *, state: Sequence[WorkerState] = ()) -> Iterator[Worker]:
        """All of them, page after page as they are needed."""
        page = self.list(state=state)
        yield from page.items
        while page.next_cursor is not None:
            page = self.list(state=state, cursor=page.next_cursor)
            yield from page.items

    def get(self, worker_id: str) -> Worker:
        """One of them."""
        return self._shell.run(fleet_flows.read(Worker, "workers", worker_id))

    def quiet(self, worker_id: str) -> Worker:
        """Have it take nothing new; what it runs goes on."""
        return self._shell.run(fleet_flows.order(Worker, "workers", worker_id, "quiet"))

    def resume(self, worker_id: str) -> Worker:
        """Have a quiet one take tasks again."""
        return self._shell.run(fleet_flows.order(Worker, "workers", worker_id, "resume"))

    def drain(self, worker_id: str) -> Worker:
        """Have its process end as by SIGTERM; this cannot be taken back."""
        return self._shell.run(fleet_flows.order(Worker, "workers", worker_id, "drain"))


class Keys:
    """The API keys, the newest first."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def create(self, name: str, **options: Unpack[KeyOptions]) -> IssuedKey:
        """Create one; its secret is in `key` of what this returns, and nowhere else."""
        return self._shell.run(fleet_flows.create_key(name, options))

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Listed[Key]:
        """A page of them, those that were revoked too."""
        return self._shell.run(fleet_flows.page(Key, "keys", limit=limit, cursor=cursor))

    def iter(self) -> Iterator[Key]:
        """All of them, page after page as they are needed."""
        page = self.list()
        yield from page.items
        while page.next_cursor is not None:
            page = self.list(cursor=page.next_cursor)
            yield from page.items

    def get(self, key_id: str) -> Key:
        """One of them."""
        return self._shell.run(fleet_flows.read(Key, "keys", key_id))

    def revoke(self, key_id: str) -> Key:
        """Have it open nothing any more, for ever."""
        return self._shell.run(fleet_flows.order(Key, "keys", key_id, method="DELETE"))

    def rotate(
        self, key_id: str, *, overlap_seconds: float | None = None, expires_in_days: float | None = None
    ) -> IssuedKey:
        """Give it a new secret; the one before is good for a day more, or for `overlap_seconds`."""
        return self._shell.run(fleet_flows.rotate_key(key_id, overlap_seconds, expires_in_days))


class Audit:
    """What was changed and by whom, the latest first."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def list(
        self,
        *,
        key_id: str | None = None,
        target: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Listed[AuditEntry]:
        """A page of it."""
        return self._shell.run(
            fleet_flows.page(AuditEntry, "audit", key_id=key_id, target=target, limit=limit, cursor=cursor)
        )
