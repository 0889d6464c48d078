"""Bulk operations: what one would do, the order to do it, and how far it has come."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from narad.api import problems
from narad.api.caller import needs
from narad.api.problems import FieldError, Problem
from narad.api.services import UsesCaller, UsesServices
from narad.api.task_query import FILTERS, TaskFilters, to_filter
from narad.api.v1.bulk_operations import BulkOperationCreate, BulkPreview, begin, existing_operation, preview
from narad.dashboard import once
from narad.dashboard.access import PageRoute
from narad.dashboard.formatting import iso
from narad.dashboard.forms import checked, sent_in, text_in
from narad.dashboard.leading import lead_to
from narad.dashboard.rendering import page
from narad.domain.bulk import APPLIES_TO, ON_FINISHED, BulkAction
from narad.domain.scopes import Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PREVIEW: Final = "/ui/bulk/preview"
ASKED_FROM: Final = 100
"""From more tasks than this on, the number has to be typed."""
_LATEST: Final = 50
_LISTS: Final = frozenset(name for name, one in TaskFilters.model_fields.items() if one.default_factory is list)


@router.get("/ui/bulk", operation_id="bulkPage")
@needs(Scope.BULK_EXECUTE)
async def bulk_page(request: Request, services: UsesServices) -> Response:
    """The latest operations."""
    found = await services.promptly(services.store.bulk.latest(_LATEST))
    return await page(request, "bulk.html", operations=found)


@router.post(PREVIEW, operation_id="previewBulkOperation")
@needs(Scope.BULK_EXECUTE, audited=False)
async def preview_bulk(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """What an operation would do, and the form that orders it; nothing is done."""
    form = await request.form()
    body = _body(form, services.clock.now())
    seen = await services.promptly(preview(body, services, caller))
    return await _ask(request, form, body, seen)


@router.post("/ui/bulk", operation_id="createBulkOperation")
@needs(Scope.BULK_EXECUTE)
async def create_bulk(request: Request, services: UsesServices, caller: UsesCaller) -> Response:
    """Begin the operation, and show how far it is."""
    form = await request.form()
    body = _body(form, services.clock.now())
    counted, typed = sent_in(form, "counted"), text_in(form, "typed")
    is_few = counted.isdecimal() and len(counted) <= len(str(ASKED_FROM)) and int(counted) <= ASKED_FROM
    if not is_few and typed != counted:
        detail = f"More than {ASKED_FROM} tasks would change: type their number, {counted}, to show that you mean it."
        error = FieldError(detail="is not the number of tasks", code="typed", pointer="#/typed")
        raise Problem(problems.VALIDATION_ERROR, detail, errors=[error])
    word = sent_in(form, once.FIELD)
    key = once.key_of("/ui/bulk", word, body, caller) if word else None
    operation, _ = await begin(body, key, request)
    return lead_to(request, f"/ui/bulk/{operation.id}")


@router.get("/ui/bulk/{operation_id}", operation_id="bulkOperationPage")
@needs(Scope.BULK_EXECUTE)
async def bulk_operation_page(operation_id: UUID, request: Request, services: UsesServices) -> Response:
    """How far an operation has come."""
    operation = await existing_operation(operation_id, services)
    return await page(
        request,
        "bulk_operation.html",
        operation=operation,
        stages=APPLIES_TO[operation.action],
        now=services.clock.now(),
    )


async def _ask(request: Request, form: FormData, body: BulkOperationCreate, seen: BulkPreview) -> Response:
    eligible = APPLIES_TO[body.action]
    return await page(
        request,
        "bulk_preview.html",
        body=body,
        once=str(uuid4()),
        filters=_flat(body),
        would_change=seen.would_change,
        must_type=seen.would_change.value > ASKED_FROM,
        eligible={one: count for one, count in seen.by_status.items() if one in eligible and count.value},
        skipped={one: count for one, count in seen.by_status.items() if one not in eligible and count.value},
        back=sent_in(form, "filter"),
    )


def _body(form: FormData, now: datetime) -> BulkOperationCreate:
    """The operation that the form stands for; tasks that are created, or that end, from now on are not meant.

    Raises:
        Problem: it is not valid.
    """
    values: dict[str, Any] = {
        "action": sent_in(form, "action"),
        "reason": text_in(form, "reason") or None,
        "priority": sent_in(form, "priority") or None if sent_in(form, "action") == "set_priority" else None,
    }
    if sent_in(form, "all"):
        values["filter"] = {"created_before": iso(now), **_filters(sent_in(form, "filter"))}
    else:
        values["ids"] = [one for one in form.getlist("id") if isinstance(one, str)] or None
        if values["ids"] is None:
            detail = "No task is ticked. Tick those that are meant, or choose all that match."
            raise Problem(problems.VALIDATION_ERROR, detail)
    body = checked(BulkOperationCreate, values)
    return body if body.filter is None else body.model_copy(update={"filter": _frozen(body.filter, body.action, now)})


def _frozen(filters: TaskFilters, action: BulkAction, now: datetime) -> TaskFilters:
    """The same filters, which match no more tasks when time goes on: no end of theirs is an age, or later than now."""
    wanted = to_filter(filters, now)
    ends = {
        "created_before": wanted.created_before or now,
        "started_before": wanted.started_before,
        "finished_before": wanted.finished_before or (now if action in ON_FINISHED else None),
    }
    return filters.model_copy(update={name: min(end, now) for name, end in ends.items() if end is not None})


def _filters(query: str) -> Mapping[str, object]:
    """The filters of a list's address, without its order and page."""
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query):
        if name not in FILTERS:
            continue
        if name in _LISTS:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return given


def _flat(body: BulkOperationCreate) -> list[tuple[str, str]]:
    """The filters as an address has them: what was meant in the preview is what the order means."""
    if body.filter is None:
        return []
    given = body.filter.model_dump(mode="json", exclude_unset=True)
    for name, value in given.items():
        one = getattr(body.filter, name)
        if hasattr(one, "total_seconds"):
            given[name] = f"-{int(-one.total_seconds())}s"
        elif isinstance(value, bool):
            given[name] = str(value).lower()
    return [
        (name, str(value))
        for name, values in given.items()
        for value in (values if isinstance(values, list) else [values])
    ]
