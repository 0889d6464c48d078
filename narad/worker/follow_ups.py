"""The desk of a worker: checkpoints and follow-up tasks, written to the store however long it is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast
from uuid import UUID

import structlog
from jsonschema_rs import Draft202012Validator

from narad.clock import Clock
from narad.domain.follow_up import Request, Save, Spawn
from narad.domain.status import Priority
from narad.domain.task import ClaimedTask, Json, JsonObject, NewTask, seconds
from narad.errors import StoreUnavailableError
from narad.ids import new_id
from narad.store.catalogue import CatalogueEntry
from narad.store.store import Store
from narad.worker.catalogue import describe
from narad.worker.context import Context
from narad.worker.desk import Answer, ask_on
from narad.worker.handler import AnyHandler
from narad.worker.signals import SpawnError, TaskCancelled

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
_FRESH_SECONDS = 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """What a follow-up gets where neither it nor its handler says otherwise."""

    max_attempts: int = 3
    max_losses: int = 3


class WorkerDesk:
    """Answers what the attempts of this worker ask for; fenced, as every write after a claim."""

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, AnyHandler],
        clock: Clock,
        *,
        allowances: Allowances,
        created: Callable[[Sequence[NewTask]], None],
    ) -> None:
        """`created` hears of follow-ups once they are committed."""
        self._store = store
        self._clock = clock
        self._allowances = allowances
        self._created = created
        self._loop = asyncio.get_running_loop()
        self._own = {entry.name: entry for entry in describe(handlers.values())}
        self._known: Mapping[str, Sequence[CatalogueEntry]] = {}
        self._read_at: float | None = None
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}

    def ask(self, context: Context, request: Request) -> Answer[UUID | None]:
        """Ask, from any thread."""
        return ask_on(self._loop, self._answer(context, request))

    async def resume(self, context: Context) -> None:
        """Give an attempt the checkpoint of those before it."""
        checkpoint = await self._insistently(context, lambda: self._store.checkpoints.read(context.task_id))
        context.resume(checkpoint)

    async def forget(self, context: Context) -> None:
        """Remove the checkpoint of a task that has completed; what is left goes with the task."""
        try:
            await self._store.checkpoints.forget(context.task_id)
        except StoreUnavailableError as error:
            log.info("task.checkpoint_left", task_id=str(context.task_id), reason=str(error))

    async def _answer(self, context: Context, request: Request) -> UUID | None:
        match request:
            case Save(checkpoint=checkpoint):
                await self._save(context, checkpoint)
                return None
            case Spawn():
                return await self._spawn(context, request)

    async def _save(self, context: Context, checkpoint: Json) -> None:
        save = self._store.checkpoints.save
        if not await self._insistently(context, lambda: save(context.task_id, context.attempt, checkpoint)):
            raise _over()
        context.resume(checkpoint)

    async def _spawn(self, context: Context, request: Spawn) -> UUID:
        entry = await self._insistently(context, lambda: self._entry(request))
        task = self._new_task(context.task_id, request, entry)
        add = self._store.follow_ups.add
        spawned = await self._insistently(context, lambda: add(task, attempt=context.attempt))
        if spawned is None:
            raise _over()
        if spawned.is_new:
            self._created([task])
        return spawned.task_id

    async def _insistently(self, context: Context, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, again and again while the store is away and the handler may go on."""
        pause = _PAUSE_SECONDS
        while True:
            try:
                return await work()
            except StoreUnavailableError as error:
                if context.cancelled:
                    raise
                log.warning("task.desk_waits", task_id=str(context.task_id), reason=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _entry(self, request: Spawn) -> CatalogueEntry:
        """The version of the handler that takes the payload.

        Raises:
            SpawnError: nobody offers the handler, or no version takes the payload.
        """
        own = self._own.get(request.handler)
        versions = [own] if own is not None else await self._published(request.handler)
        if not versions:
            raise SpawnError(f"No worker offers a handler {request.handler}. Start one that has it before.")
        wrong = []
        for version in versions:
            wrong = [error.message for error in self._validator(version).iter_errors(dict(request.payload))]
            if not wrong:
                return version
        raise SpawnError(f"The payload does not fit the handler {request.handler}: {'; '.join(wrong)}.")

    async def _published(self, name: str) -> Sequence[CatalogueEntry]:
        now = self._clock.monotonic()
        if self._read_at is None or now - self._read_at > _FRESH_SECONDS or name not in self._known:
            known: dict[str, list[CatalogueEntry]] = {}
            for entry in await self._store.catalogue.known(now=self._clock.now()):
                known.setdefault(entry.name, []).append(entry)
            self._known, self._read_at = known, now
        return self._known.get(name, ())

    def _validator(self, entry: CatalogueEntry) -> Draft202012Validator:
        key = entry.name, entry.fingerprint
        if key not in self._validators:
            self._validators[key] = Draft202012Validator(dict(entry.payload_schema))
        return self._validators[key]

    def _new_task(self, parent_id: UUID, request: Spawn, entry: CatalogueEntry) -> NewTask:
        now = self._clock.now()
        options: JsonObject = entry.options
        run_at = now + seconds(request.delay_seconds)
        wait = request.expires_in_seconds or cast("float | None", options.get("expires_in_seconds"))
        return NewTask(
            id=new_id(),
            name=request.name or entry.title or entry.name,
            description=request.description,
            priority=request.priority or Priority(cast("str | None", options.get("priority")) or Priority.MEDIUM),
            handler=entry.name,
            queue=request.queue or entry.queue,
            payload=request.payload,
            tags=tuple(dict.fromkeys(request.tags)),
            created_at=now,
            run_at=run_at,
            expires_at=None if wait is None else run_at + seconds(wait),
            max_attempts=request.max_attempts
            or cast("int | None", options.get("max_attempts"))
            or self._allowances.max_attempts,
            max_losses=self._allowances.max_losses,
            timeout_seconds=request.timeout_seconds or cast("float | None", options.get("timeout_seconds")),
            parent_id=parent_id,
            spawn_key=request.key,
        )


def may_have_checkpoint(task: ClaimedTask) -> bool:
    """Whether an attempt before may have saved something; the first one of a task costs no look."""
    return task.attempt > 1


def _over() -> TaskCancelled:
    return TaskCancelled("The attempt is over for the service: it was ended, or another one has begun.")
