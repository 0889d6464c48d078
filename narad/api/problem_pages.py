"""The page of each type of problem, under the URL that `type` names: what it means, and what to do."""

from collections.abc import Mapping
from html import escape
from typing import Annotated

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel
from starlette.responses import HTMLResponse, JSONResponse, Response

from narad.api import problems
from narad.api.answers import PROBLEM_ANSWER
from narad.api.problems import Problem

router = APIRouter(prefix="/problems", tags=["problems"])

_VARIES = {"Vary": "Accept"}

HELP: Mapping[str, str] = {
    "malformed-json": ("The body could not be parsed. `detail` says at which character. Send UTF-8 JSON."),
    "unknown-parameter": (
        "A query parameter is misspelled or does not exist here. `nearest` names what was probably meant."
    ),
    "invalid-cursor": (
        "Take `next_cursor` or `prev_cursor` of an earlier page as it is, with the same filters and sort. A "
        "cursor of other filters, or one that was changed, is refused; begin again without one."
    ),
    "unauthenticated": (
        "Send an API key with every request: Authorization: Bearer nrd_… Whoever runs the service makes one with "
        "narad keys create. `detail` says why one that was sent opens nothing."
    ),
    "forbidden": (
        "The key is good, but not for this: `required_scope` names the scope that it lacks, or `detail` the handler "
        "or the network that it is not for. Take another key, or have one made that allows it."
    ),
    "origin-not-allowed": (
        "A browser sent this for a page of another site. A service without keys changes nothing for such pages. Call "
        "it from a program, or from a page of its own."
    ),
    "host-not-allowed": (
        "A service without keys answers to localhost and the addresses of loopback only. Name this host in "
        "NARAD_ALLOWED_HOSTS, or create a key with narad keys create."
    ),
    "quota-exceeded": (
        "Try again after the seconds of Retry-After. The headers RateLimit-Policy and RateLimit tell the limit and "
        "what is left of it; the operator sets it for all, or for the key."
    ),
    "not-found": (
        "Nothing is found under this address. A task may have been removed at the end of its retention time."
    ),
    "no-result": ("The task ended FAILED or CANCELLED, so that it has no result. Read the task: its `error` says why."),
    "method-not-allowed": ("This address has other methods; the header Allow names them."),
    "invalid-state": (
        "What was asked for is not possible in the present state. `current_status` is that state, "
        "`allowed_actions` what is possible."
    ),
    "duplicate-task": (
        "A task with this `unique_key` waits or runs. `existing_task` is its id. Wait for it, or send "
        "`on_conflict`: `return_existing`."
    ),
    "precondition-failed": (
        "The header If-Match names another version than the present one. Read the task again, and decide anew."
    ),
    "payload-too-large": (
        "Store large data elsewhere and send a reference. The operator sets the limits: NARAD_MAX_BODY_BYTES, "
        "NARAD_MAX_BATCH_BYTES."
    ),
    "unsupported-media-type": ("Send the header Content-Type: application/json."),
    "validation-error": (
        "Each of `errors` names a place: `pointer` into the body (RFC 6901), `parameter` or `header`, and what is "
        "wrong with it. Nothing was changed."
    ),
    "unknown-handler": (
        "No worker has published a handler of this name. `nearest` names what was probably meant; GET "
        "/api/v1/handlers lists all. Start a worker with the module of the handler before tasks are created for "
        "it."
    ),
    "idempotency-key-reused": ("A key stands for one request for 24 hours. Take a new key for a new request."),
    "internal": (
        "A fault of the service. Its log has the cause, under `request_id`. Trying again may help; a report "
        "certainly will."
    ),
    "store-unavailable": (
        "The database does not answer. Try again after the seconds of Retry-After, with an Idempotency-Key where "
        "a task is to be created."
    ),
    "request-timeout": "The connection is closed. Send the whole request sooner; the operator sets the limit.",
    "headers-too-large": "Send fewer and shorter headers, and a shorter URL. The limit is NARAD_MAX_HEADER_BYTES.",
    "http-error": "The HTTP server refused the request; `status` and `detail` say why.",
    "query-too-slow": (
        "The list would read too much of the database, and was given up. Narrow it as `detail` says; "
        "`created_after` helps every list. The operator sets the limit: NARAD_LIST_TIMEOUT_SECONDS."
    ),
    "temporary-reduced-capacity": ("Try again after the seconds of Retry-After. The operator sets the limits."),
}


class ProblemTypeView(BaseModel):
    """A type of problem."""

    type: str
    code: str
    status: int
    title: str
    help: str


class ProblemTypesView(BaseModel):
    """Every type of problem."""

    items: list[ProblemTypeView]


@router.get("", operation_id="listProblemTypes")
async def list_problem_types() -> ProblemTypesView:
    """List every type of problem that this service answers with."""
    return ProblemTypesView(items=[_view(kind) for kind in problems.KINDS])


@router.get(
    "/{slug}",
    operation_id="getProblemType",
    response_model=ProblemTypeView,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, 404: PROBLEM_ANSWER},
)
async def get_problem_type(
    slug: Annotated[str, Path(max_length=100)], accept: Annotated[str, Header()] = "application/json"
) -> Response:
    """Read what a type of problem means: JSON, or a page where the client asks for HTML."""
    kind = next((kind for kind in problems.KINDS if kind.slug == slug), None)
    if kind is None:
        raise Problem(problems.NOT_FOUND, f"There is no type of problem {slug}.")
    view = _view(kind)
    if "text/html" in accept:
        return HTMLResponse(_page(view), headers=_VARIES)
    return JSONResponse(view.model_dump(), headers=_VARIES)


def _view(kind: problems.Kind) -> ProblemTypeView:
    return ProblemTypeView(
        type=f"/problems/{kind.slug}", code=kind.code, status=kind.status, title=kind.title, help=HELP[kind.slug]
    )


def _page(view: ProblemTypeView) -> str:
    title = escape(view.title)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>Status {view.status}, code <code>{escape(view.code)}</code>.</p><p>{escape(view.help)}</p>"
        '<p><a href="../problems">All types of problems</a></p></html>'
    )
