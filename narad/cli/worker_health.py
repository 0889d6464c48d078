"""Whether a worker of this host lives, by its row; loaded with the libraries of the server."""

import asyncio
import os
import socket
from uuid import UUID

from narad.cli.failure import Failure
from narad.clock import SystemClock
from narad.domain.fleet import WorkerState, WorkerStatus
from narad.errors import StoreUnavailableError
from narad.opening import open_store
from narad.settings import Settings
from narad.store.store import Store

_PAGE = 200
_LIVING = (WorkerState.ONLINE, WorkerState.QUIET, WorkerState.DRAINING)


def living_worker(settings: Settings, name: str | None, within: float) -> str:
    """Say which worker of this host lives.

    Raises:
        Failure: none does, or the database does not say in time.
    """
    found = asyncio.run(_find(settings, name, within))
    host = socket.gethostname()
    if found is None:
        of_name = f" named {name}" if name else ""
        raise Failure(f"No worker{of_name} on {host} holds a lease. See its log, and narad workers list --all.")
    return f"Worker {found.id} on {host} is {found.state}; its last sign of life was at {found.heartbeat_at}."


async def _find(settings: Settings, name: str | None, within: float) -> WorkerStatus | None:
    store = open_store(settings, pool_size=2)
    try:
        async with asyncio.timeout(within):
            return await _look(store, name)
    except TimeoutError:
        raise StoreUnavailableError(f"no answer within {within:g} s") from None
    finally:
        await store.database.close()


async def _look(store: Store, name: str | None) -> WorkerStatus | None:
    """A row of this host whose process is there: the row of one that died just now still holds its lease."""
    now = SystemClock().now() + await store.database.clock_offset()
    before: UUID | None = None
    while page := await store.fleet.find(_LIVING, before=before, limit=_PAGE, now=now):
        for worker in page:
            if worker.host == socket.gethostname() and name in {None, worker.name} and _is_there(worker.pid):
                return worker
        before = page[-1].id
    return None


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
