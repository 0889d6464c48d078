"""What a handler asks for in a test: checkpoints and follow-up tasks, kept in memory instead of the store."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from narad.domain.follow_up import Request, Save, Spawn
from narad.domain.task import Json
from narad.ids import new_id
from narad.worker.context import Context
from narad.worker.desk import Answer


@dataclass(slots=True)
class KeptDesk:
    """Keeps them as the service does: the last checkpoint counts, and of follow-ups with one key there is one."""

    checkpoint: Json = None
    spawned: list[Spawn] = field(default_factory=list)
    _ids: dict[str, UUID] = field(default_factory=dict)

    def ask(self, context: Context, request: Request) -> Answer[UUID | None]:
        """Take what is asked for, from any thread."""
        answer: Future[UUID | None] = Future()
        if isinstance(request, Save):
            self.checkpoint = request.checkpoint
            context.resume(request.checkpoint)
            answer.set_result(None)
        else:
            answer.set_result(self._spawn(request))
        return Answer(answer)

    def _spawn(self, request: Spawn) -> UUID:
        if request.key not in self._ids:
            self._ids[request.key] = new_id()
            self.spawned.append(request)
        return self._ids[request.key]
