"""Every change by way of the API leaves a row in the audit, written once it is done and before it is answered."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from narad.api import problems
from narad.api.caller import caller_of
from narad.api.problems import Problem
from narad.api.services import services_of
from narad.domain.task import JsonObject
from narad.errors import DataRejectedError, OverloadedError, StoreUnavailableError
from narad.ids import new_id
from narad.store.audit import AuditEntry

log = structlog.get_logger(__name__)

DONE = "done"
_LONGEST = 500
_STATE = "audit_note"

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What an endpoint knows of its change; without one, the target is what the path names."""

    target: str | None = None
    filter: JsonObject | None = None
    count: int | None = None


def note(request: Request, noted: Note) -> None:
    """Say what is changed, for the row in the audit."""
    setattr(request.state, _STATE, noted)


def audited(action: str, handle: Handle) -> Handle:
    """The same endpoint, each call of it kept in the audit."""

    async def kept(request: Request) -> Response:
        try:
            response = await handle(request)
        except Exception as error:
            await _keep(request, action, _code_of(error))
            raise
        await _keep(request, action, DONE)
        return response

    return kept


async def _keep(request: Request, action: str, outcome: str) -> None:
    services = services_of(request)
    entry = _entry(request, action, outcome)
    if outcome == problems.STORE_UNAVAILABLE.code:  # to wait for it once is enough
        _log(entry, "the store did not answer")
        return
    try:
        await services.promptly(services.store.audit.add(entry))
    except (StoreUnavailableError, DataRejectedError) as error:
        _log(entry, str(error))


def _log(entry: AuditEntry, reason: str) -> None:
    log.warning(
        "audit.not_stored",
        reason=reason,
        actor=entry.actor,
        key_id=entry.key_id,
        address=entry.address,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
    )


def _entry(request: Request, action: str, outcome: str) -> AuditEntry:
    caller = caller_of(request)
    noted: Note = getattr(request.state, _STATE, Note())
    target = noted.target or "/".join(str(value) for value in request.path_params.values()) or None
    return AuditEntry(
        id=new_id(),
        at=services_of(request).clock.now(),
        actor=caller.actor,
        key_id=caller.key_id,
        address=request.client.host if request.client else None,
        action=action,
        target=None if target is None else _storable(target),
        filter=noted.filter,
        count=noted.count,
        outcome=outcome,
        request_id=getattr(request.state, "request_id", None),
    )


def _storable(text: str) -> str:
    """The text as the database can keep it: a path may hold anything."""
    return text.encode("unicode_escape").decode()[:_LONGEST]


def _code_of(error: Exception) -> str:
    """The code of the problem that the error will be answered with."""
    match error:
        case Problem():
            return error.kind.code
        case RequestValidationError() | DataRejectedError():
            return problems.VALIDATION_ERROR.code
        case StoreUnavailableError():
            return problems.STORE_UNAVAILABLE.code
        case OverloadedError():
            return problems.REDUCED_CAPACITY.code
        case HTTPException():
            return problems.of_status(error.status_code).code
        case _:
            return problems.INTERNAL.code
