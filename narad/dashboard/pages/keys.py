"""Keys: who may come in; made, rotated and revoked. A secret stands in one answer and is never shown again."""

from typing import Final
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData
from starlette.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_422_UNPROCESSABLE_CONTENT

from narad.api import problems
from narad.api.auditing import Note, note
from narad.api.caller import needs
from narad.api.keys_schemas import DEFAULT_DAYS, IssuedKeyView, KeyCreate, KeyPage, KeyRotate, PageQuery
from narad.api.problems import Problem
from narad.api.services import UsesCaller, UsesServices
from narad.api.v1.keys import issue, read_keys, revoke, rotate
from narad.dashboard import once
from narad.dashboard.access import PageRoute
from narad.dashboard.forms import checked, listed_in, text_in
from narad.dashboard.leading import lead_to
from narad.dashboard.queries import address_with, asked
from narad.dashboard.rendering import page
from narad.domain.scopes import Role, Scope
from narad.issuing import Issued
from narad.store.request_keys import MadeBefore

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH: Final = "/ui/keys"
_TEXTS: Final = ("name", "owner", "role", "expires_in_days", "rate_limit")
_LISTS: Final = ("networks", "handlers", "scopes")
_OF_THE_FORM: Final = frozenset({problems.VALIDATION_ERROR, problems.FORBIDDEN})
_NOTHING: Final = KeyPage(items=[], next_cursor=None)


@router.get(PATH, operation_id="keysPage")
@needs(Scope.KEYS_MANAGE)
async def keys_page(request: Request, services: UsesServices) -> Response:
    """The list of keys, the newest first."""
    wanted = asked(request, PageQuery)
    return await page(
        request,
        "keys.html",
        status=HTTP_422_UNPROCESSABLE_CONTENT if wanted.wrong else HTTP_200_OK,
        found=_NOTHING if wanted.wrong else await services.promptly(read_keys(services, wanted.query)),
        wrong=wanted.wrong,
        unknown=wanted.unknown,
        is_first=wanted.query.cursor is None,
        address=lambda **changes: address_with(request, changes),
    )


@router.get(PATH + "/new", operation_id="newKeyPage")
@needs(Scope.KEYS_MANAGE)
async def new_key_page(request: Request) -> Response:
    """The empty form."""
    return await _form(request, dict.fromkeys(_TEXTS, "") | {"expires_in_days": str(DEFAULT_DAYS)}, {}, str(uuid4()))


@router.post(PATH + "/new", operation_id="createKey")
@needs(Scope.KEYS_MANAGE)
async def create_key(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Make the key and show its secret, or show what is wrong with the form."""
    form = await request.form()
    texts, lists = _given(form)
    word = text_in(form, once.FIELD) or str(uuid4())
    try:
        body = checked(KeyCreate, {**texts, **lists})
        made = await issue(body, once.key_of(PATH, word, body, caller), services, caller)
    except Problem as problem:
        if problem.kind not in _OF_THE_FORM:
            raise
        return await _form(request, texts, lists, word, problem)
    match made:
        case Issued():
            note(request, Note(target=made.key.id))
            view = IssuedKeyView.of_issued(made, services.clock.now())
            return await page(request, "issued_key.html", status=HTTP_201_CREATED, key=view, is_new=True)
        case MadeBefore((key_id,)):
            detail = f"This form made the key {key_id} before, and its secret was shown then; rotate it if it is lost."
            note(request, Note(target=key_id))
            raise Problem(problems.INVALID_STATE, detail)
        case _:
            raise Problem(problems.IDEMPOTENCY_KEY_REUSED, "This form was sent before with other values. Open it anew.")


@router.post(PATH + "/{key_id}/rotate", operation_id="rotateKey")
@needs(Scope.KEYS_MANAGE)
async def rotate_key(key_id: str, request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Give the key a new secret and show it."""
    issued = await rotate(key_id, KeyRotate(), services, caller)
    view = IssuedKeyView.of_issued(issued, services.clock.now())
    return await page(request, "issued_key.html", key=view, is_new=False)


@router.post(PATH + "/{key_id}/revoke", operation_id="revokeKey")
@needs(Scope.KEYS_MANAGE)
async def revoke_key(key_id: str, request: Request, services: UsesServices) -> Response:
    """Revoke the key, for ever."""
    await revoke(key_id, services)
    return lead_to(request, PATH)


async def _form(
    request: Request, texts: dict[str, str], lists: dict[str, list[str]], word: str, problem: Problem | None = None
) -> Response:
    errors = {} if problem is None else {_field(one.pointer or "#"): one.detail for one in problem.errors}
    return await page(
        request,
        "new_key.html",
        status=200 if problem is None else HTTP_422_UNPROCESSABLE_CONTENT,
        given=texts,
        once=word,
        lists={name: lists.get(name, []) for name in _LISTS},
        problem=problem,
        errors=errors,
        roles=tuple(Role),
        scopes=tuple(Scope),
    )


def _given(form: FormData) -> tuple[dict[str, str], dict[str, list[str]]]:
    return {name: text_in(form, name) for name in _TEXTS}, {name: listed_in(form, name) for name in _LISTS}


def _field(pointer: str) -> str:
    return pointer.removeprefix("#/").partition("/")[0]
