"""A new task: a form out of the handler's schema, or JSON. Its idempotency key is made with the page."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData
from starlette.status import HTTP_422_UNPROCESSABLE_CONTENT

from narad.api import problems
from narad.api.caller import Caller, needs
from narad.api.errors import from_validation
from narad.api.once import duplicate_task, submitted
from narad.api.problems import Problem
from narad.api.schemas import TaskCreate
from narad.api.services import Services, UsesCaller, UsesServices
from narad.api.visible import existing, shown
from narad.dashboard import once, schema_form
from narad.dashboard.access import PageRoute
from narad.dashboard.formatting import editable, masked, unmasked
from narad.dashboard.forms import checked, sent_in
from narad.dashboard.leading import lead_to
from narad.dashboard.rendering import page
from narad.dashboard.schema_form import Field, NotJsonError
from narad.dashboard.snippets import body_like, curl
from narad.domain.scopes import Scope
from narad.domain.submission import Created, Duplicate, Replayed, Submitted
from narad.store.catalogue import CatalogueEntry

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PATH: Final = "/ui/tasks/new"
_TEXTS: Final = ("name", "description", "handler", "priority", "queue")
_OTHERS: Final = ("payload", "tags", "run_at", "timeout_seconds", "max_attempts", "like", "as")
_EMPTY: Final = dict.fromkeys((*_TEXTS, *_OTHERS), "") | {"priority": "MEDIUM", "payload": "{}"}
_FIELDS: Final = "fields"
"""The value of `as` where the payload is in fields of its own, and not JSON."""


@router.get(PATH, operation_id="newTaskPage")
@needs(Scope.TASKS_WRITE)
async def new_task_page(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """The empty form, or one that begins with a handler, or one filled in like a task that is there."""
    given = {name: request.query_params.get(name, value) for name, value in _EMPTY.items()}
    known = await _known(services)
    if given["like"]:
        given |= await _like(given["like"], services, caller)
    fields = None if given["as"] == "json" else _fields(known, given["handler"])
    payload = _object(given["payload"] or "{}")
    if fields is not None and payload is not None:
        values, is_whole = schema_form.write(fields, payload)
        if is_whole:
            return await _form(request, services, given | values | {"as": _FIELDS}, known, fields)
    return await _form(request, services, given | {"as": "json"}, known, None)


@router.post(PATH, operation_id="createTask")
@needs(Scope.TASKS_WRITE, audited=False)
async def create_task(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Create the task and show it, or show what is wrong with the form."""
    form = await request.form()
    given = _given(form)
    word = sent_in(form, once.FIELD) or str(uuid4())
    known = await _known(services)
    fields = _fields(known, given["handler"]) if given["as"] == _FIELDS else None
    try:
        body = _body(given, fields, await _hidden(given["like"], services, caller))
        key = once.key_of(PATH, word, body, caller)
        task_id = _created(await services.promptly(submitted(body, key, services, caller)), services)
    except Problem as problem:
        if problem.kind.status >= 500 or problem.kind is problems.FORBIDDEN:  # noqa: PLR2004 - not of the form
            raise
        return await _form(request, services, given, known, fields, word=word, problem=problem)
    return lead_to(request, f"/ui/tasks/{task_id}")


@router.post(f"{PATH}/command", operation_id="newTaskCommand")
@needs(Scope.TASKS_WRITE, audited=False)
async def new_task_command(request: Request, services: UsesServices) -> Response:
    """The command for what the form holds by now; nothing is created."""
    given = _given(await request.form())
    known = await _known(services)
    fields = _fields(known, given["handler"]) if given["as"] == _FIELDS else None
    return await _form(request, services, given, known, fields)


async def _form(
    request: Request,
    services: Services,
    given: Mapping[str, str],
    known: Sequence[CatalogueEntry],
    fields: Sequence[Field] | None,
    *,
    word: str | None = None,
    problem: Problem | None = None,
) -> Response:
    entry = _entry(known, given["handler"])
    return await page(
        request,
        "new_task.html",
        status=200 if problem is None else HTTP_422_UNPROCESSABLE_CONTENT,
        given=given,
        once=word or str(uuid4()),
        problem=problem,
        errors={} if problem is None else _errors(problem, fields or ()),
        fields=fields,
        has_fields=fields is not None or _fields(known, given["handler"]) is not None,
        handlers=sorted({one.name for one in known}),
        about=entry.description if entry else None,
        default_handler=services.defaults.handler,
        command=_command(given, fields, request),
    )


async def _known(services: Services) -> Sequence[CatalogueEntry]:
    return await services.promptly(services.store.catalogue.known(now=services.clock.now()))


def _entry(known: Sequence[CatalogueEntry], handler: str) -> CatalogueEntry | None:
    """The latest version of the handler."""
    return next((one for one in known if one.name == handler), None)


def _fields(known: Sequence[CatalogueEntry], handler: str) -> tuple[Field, ...] | None:
    entry = _entry(known, handler)
    return None if entry is None else schema_form.fields_of(entry.payload_schema)


async def _like(text: str, services: Services, caller: Caller) -> dict[str, str]:
    """The fields of a task that is there, its secrets hidden; those of the payload as JSON."""
    view = shown(await existing(_id(text), services, caller), caller, services)
    timeout = view.timeout_seconds
    return {
        "name": view.name,
        "description": view.description or "",
        "handler": view.handler,
        "priority": view.priority,
        "queue": view.queue,
        "tags": ", ".join(view.tags),
        "payload": editable(view.payload or {}),
        "max_attempts": str(view.max_attempts),
        "timeout_seconds": "" if timeout is None else f"{timeout:g}",
    }


async def _hidden(text: str, services: Services, caller: Caller) -> Mapping[str, Any]:
    """The payload of the task that the form was filled in like: what was hidden in it is taken from there.

    As far as the caller may see it, for the new task may show it: by another handler, or in what is wrong with it.
    """
    if not text or not caller.reads_payloads:
        return {}
    return shown(await existing(_id(text), services, caller), caller, services).payload or {}


def _body(given: Mapping[str, str], fields: Sequence[Field] | None, hidden: Mapping[str, Any]) -> TaskCreate:
    """The body that the form stands for.

    Raises:
        Problem: a field is not valid.
    """
    values = _values(given)
    try:
        payload = (
            schema_form.parse_json(given["payload"] or "{}") if fields is None else schema_form.read(fields, given)
        )
    except NotJsonError as error:
        field, detail = (None, error.args[0]) if fields is None else error.args
        path = () if field is None else field.path
        raise _wrong([{"loc": ("body", "payload", *path), "msg": detail, "type": "json"}]) from None
    values["payload"] = unmasked(payload, hidden)
    return checked(TaskCreate, values)


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    """The fields beside the payload, as a body has them; what is no number stays a text, to be told of."""
    values: dict[str, Any] = {name: given[name] for name in _TEXTS if given[name]}
    values["tags"] = [tag.strip() for tag in given["tags"].split(",") if tag.strip()]
    if given["run_at"]:
        values["run_at"] = given["run_at"]
    for name in ("timeout_seconds", "max_attempts"):
        if given[name]:
            values[name] = given[name]
            with suppress(ValueError):
                values[name] = float(given[name])
    return values


def _command(given: Mapping[str, str], fields: Sequence[Field] | None, request: Request) -> str:
    """The same as a command for a shell, as far as it is understood."""
    values = _values(given)
    with suppress(NotJsonError):
        payload = (
            schema_form.parse_json(given["payload"] or "{}") if fields is None else schema_form.read(fields, given)
        )
        values["payload"] = masked(payload)
    for name in ("timeout_seconds", "max_attempts"):
        value = values.get(name)
        if isinstance(value, float) and value.is_integer():
            values[name] = int(value)
    has_key = request.scope["state"]["caller"].key_id is not None
    return curl(str(request.base_url).rstrip("/"), body_like({"name": "", **values}), with_key=has_key)


def _errors(problem: Problem, fields: Sequence[Field]) -> dict[str, str]:
    """What is wrong, by the field that it is shown at: the nearest one around it."""
    names = {field.name for field in fields}
    found: dict[str, str] = {}
    for error in problem.errors:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in (error.pointer or "#").split("/")[1:]]
        name = "/".join(quote(unquote(part), safe="") for part in parts)
        while "/" in name and name not in names:
            name = name.rpartition("/")[0]
        found.setdefault(name, error.detail)
    return found


def _wrong(errors: list[dict[str, Any]]) -> Problem:
    return from_validation(RequestValidationError(errors).errors(), [])


def _created(result: Submitted, services: Services) -> UUID:
    match result:
        case Created(task):
            services.created([task])
            return task.id
        case Replayed((task_id, *_)):
            return task_id
        case Duplicate(task_id):
            raise duplicate_task(task_id)
        case _:
            raise Problem(problems.IDEMPOTENCY_KEY_REUSED, "This form was sent before with other values.")


def _given(form: FormData) -> dict[str, str]:
    """What the form holds, fields of the payload too."""
    of_payload = {name: sent_in(form, name) for name in form if name.startswith(f"{schema_form.ROOT}/")}
    return {name: sent_in(form, name) for name in _EMPTY} | of_payload


def _object(text: str) -> Mapping[str, Any] | None:
    with suppress(NotJsonError):
        value = schema_form.parse_json(text)
        if isinstance(value, dict):
            return value
    return None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(problems.NOT_FOUND, "There is no task of this id.") from None
