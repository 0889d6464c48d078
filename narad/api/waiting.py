"""Reading a task, at once or when there is something to see; and what the answer says besides the task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from fastapi import Request, Response, status

from narad.api.answers import json_answer, place_of
from narad.api.caller import Caller, caller_of
from narad.api.preferences import NO_PREFERENCES, Preferences, etag, has_already, preferences_of
from narad.api.services import Services, services_of
from narad.api.visible import existing, shown
from narad.domain.task import Task
from narad.errors import StoreUnavailableError
from narad.events.watch import Watch

log = structlog.get_logger(__name__)

_SOON_SECONDS = 1
_PATIENCE = ((timedelta(seconds=10), _SOON_SECONDS), (timedelta(minutes=1), 2), (timedelta(minutes=5), 5))
_LONGEST_PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Reading:
    """A task as it was found, the headers of the answer, and whether the client has this version already."""

    task: Task
    headers: Mapping[str, str]
    unchanged: bool


async def reading(task_id: UUID, request: Request, services: Services) -> Reading:
    """Read a task as the request prefers: at once, when it has ended, or when it differs from what the client has.

    Raises:
        Problem: there is no such task.
    """
    preferences, caller = preferences_of(request), caller_of(request)
    conditional = "if-none-match" in request.headers
    if preferences.wait_seconds == 0:
        task, waited = await existing(task_id, services, caller), False
    elif conditional:
        task, waited = await _wait(
            task_id, preferences, services, caller, enough=lambda task: not has_already(request, task.version)
        )
    else:
        task, waited = await _wait(task_id, preferences, services, caller)
    applied = preferences.applied(waited=waited)
    headers = {"ETag": etag(task.version), "Vary": "Prefer", **applied, **_retry_after(task, services)}
    return Reading(task, headers, unchanged=conditional and has_already(request, task.version))


async def created_answer(
    task: Task,
    request: Request,
    preferences: Preferences,
    headers: Mapping[str, str] | None = None,
    *,
    code: int = status.HTTP_201_CREATED,
) -> Response:
    """The answer to a creation, after a wait for the task where the request prefers that.

    The task is stored, so whatever happens to the wait, the answer says that it was created.
    """
    headers = {"Location": place_of(task, request), "ETag": etag(task.version), **(headers or {})}
    if preferences is not NO_PREFERENCES:
        task, waited = await _created(task, preferences, services_of(request), caller_of(request))
        headers |= waited
        if preferences.minimal:
            return Response(status_code=code, headers=headers)
    return json_answer(shown(task, caller_of(request), services_of(request)), code, headers)


async def _created(
    task: Task, preferences: Preferences, services: Services, caller: Caller
) -> tuple[Task, dict[str, str]]:
    """The task after the wait, and what the headers say of it."""
    waited = False
    if preferences.wait_seconds:
        task, waited = await _wait(task.id, preferences, services, caller, known=task)
    applied = preferences.applied(waited=waited, minimal=preferences.minimal)
    again = {"Retry-After": str(_SOON_SECONDS)} if waited and not task.status.is_final else {}
    return task, {"ETag": etag(task.version), **applied, **again}


def _is_final(task: Task) -> bool:
    return task.status.is_final


async def _wait(
    task_id: UUID,
    preferences: Preferences,
    services: Services,
    caller: Caller,
    *,
    known: Task | None = None,
    enough: Callable[[Task], bool] = _is_final,
) -> tuple[Task, bool]:
    """The task once it is as wanted, or as it is when the time is over; and whether a wait could be taken on.

    The watch begins before the task is read, so that no change falls between the two.
    """
    watch = _watch(task_id, services, caller, final_only=enough is _is_final)
    if watch is None:
        return known or await existing(task_id, services, caller), False
    end_at = services.clock.monotonic() + preferences.wait_seconds
    try:
        task = await (existing(task_id, services, caller) if known is None else again(known, services))
        while not enough(task):
            watch.version = task.version
            hinted = await watch.wait(end_at - services.clock.monotonic())
            if watch.ended:
                break
            task = await again(task, services)
            if not hinted:
                break
        return task, True
    finally:
        services.hub.unwatch(watch)
        services.lasting.end(caller)


def _watch(task_id: UUID, services: Services, caller: Caller, *, final_only: bool) -> Watch | None:
    """The beginning of a wait; None where this process, or this key, has as many as it may."""
    if not services.lasting.begin(caller):
        return None
    watch = services.hub.watch(task_id, final_only=final_only)
    if watch is None:
        services.lasting.end(caller)
    return watch


async def again(task: Task, services: Services) -> Task:
    """Read the task again; while the store is away, what was known goes on to count."""
    try:
        return await services.promptly(services.store.tasks.get(task.id)) or task
    except StoreUnavailableError as error:
        log.warning("api.not_read_again", reason=str(error))
        return task


def _retry_after(task: Task, services: Services) -> Mapping[str, str]:
    """When to ask again for a task that has not ended: the older it is, the later."""
    if task.status.is_final:
        return {}
    age = services.clock.now() - task.created_at
    wait = next((wait for limit, wait in _PATIENCE if age < limit), _LONGEST_PATIENCE_SECONDS)
    return {"Retry-After": str(wait)}
