"""Under which id a worker works: a new one whenever the fleet has given the old one up."""

import os
import socket
from dataclasses import dataclass, field
from uuid import UUID

import narad
from narad.ids import new_id
from narad.store.workers import NewWorker


@dataclass(kw_only=True)
class Identity:
    """The current id, and what the row of a worker says besides.

    `name`, where a worker has one, is the same over restarts: its earlier incarnations are declared lost at once.
    """

    name: str | None
    concurrency: int
    queues: tuple[str, ...]
    handlers: tuple[str, ...]
    id: UUID = field(default_factory=new_id)

    def reborn(self) -> NewWorker:
        """The row under a new id; `id` changes when that row is stored."""
        return self.row(new_id())

    def row(self, worker_id: UUID) -> NewWorker:
        """The row of this worker under an id."""
        return NewWorker(
            id=worker_id,
            name=self.name,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=narad.__version__,
            concurrency=self.concurrency,
            queues=self.queues,
            handlers=self.handlers,
        )
