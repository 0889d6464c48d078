"""The endpoints of API keys. Nobody can make or rotate a key that may do more than their own."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status

from narad.api import idempotency, problems
from narad.api.answers import json_answer, problem_answers
from narad.api.auditing import Note, note
from narad.api.caller import Caller, lacking, needs
from narad.api.json_route import JsonRoute
from narad.api.keys_schemas import IssuedKeyView, KeyCreate, KeyPage, KeyRotate, KeyView, PageQuery
from narad.api.marks import foreign_cursor, read_mark, write_mark
from narad.api.problems import Problem
from narad.api.services import Services, UsesCaller, UsesServices
from narad.domain.key import Grant, Key, beyond
from narad.domain.scopes import Scope
from narad.domain.submission import IdempotencyKey, KeyReused
from narad.issuing import Issued
from narad.store.request_keys import MadeBefore

PREFIX = "/api/v1/keys"
_NEVER_KEPT = {"Cache-Control": "no-store"}
_PLACED = {"Location": {"$ref": "#/components/headers/Location"}}

router = APIRouter(prefix=PREFIX, tags=["keys"], route_class=JsonRoute)


@router.post(
    "",
    operation_id="createKey",
    status_code=status.HTTP_201_CREATED,
    response_model=IssuedKeyView,
    responses=problem_answers(400, 413, 415)
    | {
        201: {"headers": _PLACED},
        200: {
            "model": KeyView,
            "description": "The same request made this key before. Its secret was shown then, and never again: where "
            "that answer was lost, rotate the key.",
            "headers": _PLACED,
        },
    },
    openapi_extra={"parameters": [idempotency.PARAMETER]},
)
@needs(Scope.KEYS_MANAGE)
async def create_key(body: KeyCreate, services: UsesServices, caller: UsesCaller, request: Request) -> Response:
    """Create a key. Its secret is in this answer and nowhere else. The first key there is locks an open service."""
    issued = await issue(body, await idempotency.key_of(request), services, caller)
    now = services.clock.now()
    match issued:
        case KeyReused():
            raise idempotency.reused()
        case MadeBefore((key_id,)):
            note(request, Note(target=key_id))
            again = KeyView.of(await existing_key(key_id, services), now)
            return json_answer(again, status.HTTP_200_OK, _headers(key_id, request) | {idempotency.REPLAYED: "true"})
        case Issued():
            note(request, Note(target=issued.key.id))
            view = IssuedKeyView.of_issued(issued, now)
            return json_answer(view, status.HTTP_201_CREATED, _headers(issued.key.id, request))
        case _:
            raise TypeError(issued)


@router.get("", operation_id="listKeys", responses=problem_answers(400))
@needs(Scope.KEYS_MANAGE)
async def list_keys(query: Annotated[PageQuery, Query()], services: UsesServices) -> KeyPage:
    """List keys, the newest first, those that were revoked too."""
    return await services.promptly(read_keys(services, query))


@router.get("/{key_id}", operation_id="getKey", responses=problem_answers(404))
@needs(Scope.KEYS_MANAGE)
async def get_key(key_id: str, services: UsesServices) -> KeyView:
    """Read one key."""
    return KeyView.of(await existing_key(key_id, services), services.clock.now())


@router.delete("/{key_id}", operation_id="revokeKey", responses=problem_answers(404))
@needs(Scope.KEYS_MANAGE)
async def revoke_key(key_id: str, services: UsesServices) -> KeyView:
    """Revoke a key, for ever. Other processes of the service refuse it within 30 seconds."""
    return await revoke(key_id, services)


@router.post("/{key_id}/rotate", operation_id="rotateKey", responses=problem_answers(400, 404, 409, 413, 415))
@needs(Scope.KEYS_MANAGE)
async def rotate_key(
    key_id: str, services: UsesServices, caller: UsesCaller, response: Response, body: KeyRotate | None = None
) -> IssuedKeyView:
    """Give a key a new secret, shown in this answer alone. The one before goes on for a while."""
    issued = await rotate(key_id, body or KeyRotate(), services, caller)
    response.headers.update(_NEVER_KEPT)
    return IssuedKeyView.of_issued(issued, services.clock.now())


async def issue(
    body: KeyCreate, once: IdempotencyKey | None, services: Services, caller: Caller
) -> Issued | MadeBefore | KeyReused:
    """A new key, or what the same request made before; the first one there is locks an open service.

    Raises:
        Problem: it would allow more than the caller's own.
    """
    _see_within(caller, body.grant())
    made_by = caller.key_id or caller.actor
    issued = await services.promptly(
        services.issuer.create_once(body.grant(), once, lifetime=body.lifetime, created_by=made_by)
    )
    if isinstance(issued, Issued):
        services.keyring.lock()
    return issued


async def read_keys(services: Services, query: PageQuery) -> KeyPage:
    """A page of keys.

    Raises:
        Problem: the cursor is not one of ours.
    """
    after = None if query.cursor is None else _read_cursor(query.cursor)
    found = await services.store.keys.page(query.limit + 1, after=after)
    page = found[: query.limit]
    now = services.clock.now()
    return KeyPage(
        items=[KeyView.of(key, now) for key in page],
        next_cursor=_cursor(page[-1]) if len(found) > query.limit else None,
    )


async def revoke(key_id: str, services: Services) -> KeyView:
    """Revoke a key; how it is then.

    Raises:
        Problem: there is no such key.
    """
    await existing_key(key_id, services)
    key = await services.promptly(services.store.keys.revoke(key_id, now=services.clock.now()))
    services.keyring.forget(key_id)
    if key is None:
        raise _missing(key_id)
    return KeyView.of(key, services.clock.now())


async def rotate(key_id: str, wanted: KeyRotate, services: Services, caller: Caller) -> Issued:
    """A new secret for a key.

    Raises:
        Problem: there is no such key, it was revoked, or allows more than the caller's own.
    """
    _see_within(caller, await existing_key(key_id, services))
    issued = await services.promptly(
        services.issuer.rotate(
            key_id,
            lifetime=timedelta(days=wanted.expires_in_days),
            overlap=timedelta(seconds=wanted.overlap_seconds),
        )
    )
    services.keyring.forget(key_id)
    if issued is None:
        detail = f"Key {key_id} was revoked, for ever; create another one."
        raise Problem(problems.INVALID_STATE, detail, current_status="revoked", allowed_actions=[])
    return issued


def _headers(key_id: str, request: Request) -> dict[str, str]:
    return {"Location": f"{request.scope.get('root_path', '')}{PREFIX}/{key_id}", **_NEVER_KEPT}


def _see_within(caller: Caller, wanted: Grant) -> None:
    """See that a key does not allow more than that of the caller.

    Raises:
        Problem: it does.
    """
    found = beyond(caller.grant, wanted)
    if isinstance(found, Scope):
        raise lacking(found)
    if found is not None:
        raise Problem(problems.FORBIDDEN, f"That key would allow more than yours: {found}.")


async def existing_key(key_id: str, services: Services) -> Key:
    """The key.

    Raises:
        Problem: there is none of that id.
    """
    # An id that no key can have is looked up nowhere: it may hold what the database cannot.
    key = await services.promptly(services.store.keys.get(key_id)) if key_id.isascii() and key_id.isalnum() else None
    if key is None:
        raise _missing(key_id)
    return key


def _missing(key_id: str) -> Problem:
    return Problem(problems.NOT_FOUND, f"There is no key {key_id}.")


def _cursor(last: Key) -> str:
    return write_mark(f"{last.created_at.isoformat()} {last.id}")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    moment, _, key_id = read_mark(cursor).partition(" ")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), key_id
    except (ValueError, OverflowError):
        raise foreign_cursor() from None
