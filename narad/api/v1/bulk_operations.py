"""Operations on many tasks at once: what they would do, and how far they have come."""

import dataclasses
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field, model_validator

from narad.api import idempotency, problems
from narad.api.answers import json_answer, problem_answers
from narad.api.auditing import Note, note
from narad.api.caller import Caller, caller_of, lacking, needs
from narad.api.changes import LONGEST_REASON
from narad.api.fleet_schemas import CountView
from narad.api.json_route import JsonRoute
from narad.api.problems import Problem
from narad.api.schemas import ShownMoment, Text
from narad.api.services import Services, UsesCaller, UsesServices, services_of
from narad.api.task_query import TaskFilters, to_filter
from narad.domain.bulk import APPLIES_TO, ON_FINISHED, BulkAction, BulkOperation, BulkStatus, Place
from narad.domain.scopes import Scope
from narad.domain.status import Priority, Status
from narad.domain.submission import IdempotencyKey, KeyReused
from narad.ids import new_id
from narad.store.filters import TaskFilter
from narad.store.request_keys import MadeBefore

PREFIX = "/api/v1/bulk-operations"
MOST_IDS = 1_000
MOST_COUNTED = 10_000
_LATEST = 50

router = APIRouter(prefix=PREFIX, tags=["bulk operations"], route_class=JsonRoute)


class BulkOperationCreate(BaseModel):
    """What to do to which tasks. An empty filter needs `all`: a filter that was forgotten is no order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"action": "cancel", "filter": {"handler": ["mail.send"]}, "dry_run": True}]},
    )

    action: BulkAction
    filter: TaskFilters | None = Field(default=None, description="The tasks that are meant, as in a list.")
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_IDS)] | None = None
    all: bool = Field(default=False, description="Every task is meant that the action can be done to.")
    priority: Priority | None = Field(default=None, description="The priority to set.")
    reason: Annotated[Text, Field(max_length=LONGEST_REASON)] | None = None
    dry_run: bool = Field(default=False, description="Count what would be done, and do nothing.")

    @model_validator(mode="after")
    def _means_something(self) -> "BulkOperationCreate":
        given = self.filter is not None and bool(self.filter.model_fields_set)
        if sum((given, self.ids is not None, self.all)) != 1:
            raise ValueError("must have one of: a filter that is not empty, ids, or all")
        if (self.priority is not None) is not (self.action is BulkAction.SET_PRIORITY):
            raise ValueError("must have a priority with the action set_priority, and with no other")
        return self


class BulkPreview(BaseModel):
    """What an operation would do at this moment."""

    dry_run: Literal[True] = True
    would_change: CountView
    by_status: dict[Status, CountView] = Field(description="Tasks that match, by status.")


class BulkOperationView(BaseModel):
    """An operation, and how far it has come."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    action: BulkAction
    priority: Priority | None
    reason: str | None
    status: BulkStatus
    changed: int = Field(description="Tasks changed so far.")
    missed: int = Field(description="Tasks that were no longer in a state for it when it came to them.")
    created_at: ShownMoment
    finished_at: ShownMoment | None


class BulkOperationsView(BaseModel):
    """The latest operations, the newest first."""

    items: list[BulkOperationView]


@router.post(
    "",
    operation_id="createBulkOperation",
    response_model=BulkOperationView,
    status_code=status.HTTP_202_ACCEPTED,
    responses=problem_answers(400, 413, 415)
    | {200: {"model": BulkPreview, "description": "What it would do; nothing was done."}},
    openapi_extra={"parameters": [idempotency.PARAMETER]},
)
@needs(Scope.BULK_EXECUTE)
async def create_bulk_operation(
    body: BulkOperationCreate, request: Request, services: UsesServices, caller: UsesCaller
) -> Response:
    """Do something to many tasks. Tasks that are created, or that end, only after this are not meant."""
    key = await idempotency.key_of(request)
    if body.dry_run:
        return json_answer(await preview(body, services, caller), status.HTTP_200_OK)
    operation, is_new = await begin(body, key, request)
    headers = {} if is_new else {idempotency.REPLAYED: "true"}
    headers["Location"] = f"{request.scope.get('root_path', '')}{PREFIX}/{operation.id}"
    return json_answer(BulkOperationView.model_validate(operation), status.HTTP_202_ACCEPTED, headers)


@router.get("", operation_id="listBulkOperations", responses=problem_answers())
@needs(Scope.BULK_EXECUTE)
async def list_bulk_operations(services: UsesServices) -> BulkOperationsView:
    """List the latest 50 operations, the newest first."""
    found = await services.promptly(services.store.bulk.latest(_LATEST))
    return BulkOperationsView(items=[BulkOperationView.model_validate(operation) for operation in found])


@router.get("/{operation_id}", operation_id="getBulkOperation", responses=problem_answers(404))
@needs(Scope.BULK_EXECUTE)
async def get_bulk_operation(operation_id: UUID, services: UsesServices) -> BulkOperationView:
    """Read how far an operation has come."""
    return BulkOperationView.model_validate(await existing_operation(operation_id, services))


async def preview(body: BulkOperationCreate, services: Services, caller: Caller) -> BulkPreview:
    """What an operation would do at this moment.

    Raises:
        Problem: the key of the caller does not allow it.
        QueryTooSlowError: to count the tasks takes the database too long.
    """
    _see_allowed(body, caller)
    return await _preview(body.action, _wanted(body, caller, services.clock.now()), services)


async def begin(body: BulkOperationCreate, key: IdempotencyKey | None, request: Request) -> tuple[BulkOperation, bool]:
    """Store an operation, which upkeep carries out; with it, whether it is new, or was asked for by the key before.

    Raises:
        Problem: the key of the caller does not allow it, or the idempotency key came with another body.
    """
    services, caller = services_of(request), caller_of(request)
    _see_allowed(body, caller)
    now = services.clock.now()
    operation = BulkOperation(
        id=new_id(),
        action=body.action,
        priority=body.priority,
        reason=body.reason,
        status=BulkStatus.RUNNING,
        place=Place(),
        changed=0,
        missed=0,
        created_at=now,
        finished_at=None,
        version=1,
    )
    is_new = True
    match await services.promptly(services.store.bulk.add(operation, _wanted(body, caller, now), key)):
        case KeyReused():
            raise idempotency.reused()
        case MadeBefore((operation_id,)):
            operation, is_new = await existing_operation(UUID(operation_id), services), False
        case _:
            pass
    note(request, Note(target=str(operation.id), filter=body.model_dump(mode="json", exclude_unset=True)))
    return operation, is_new


def _see_allowed(body: BulkOperationCreate, caller: Caller) -> None:
    if body.action is BulkAction.PURGE and Scope.TASKS_PURGE not in caller.scopes:
        raise lacking(Scope.TASKS_PURGE)


async def existing_operation(operation_id: UUID, services: Services) -> BulkOperation:
    """The operation.

    Raises:
        Problem: there is none of that id.
    """
    operation = await services.promptly(services.store.bulk.get(operation_id))
    if operation is None:
        raise Problem(problems.NOT_FOUND, f"There is no bulk operation {operation_id}.")
    return operation


def _wanted(body: BulkOperationCreate, caller: Caller, now: datetime) -> TaskFilter:
    """The tasks that are meant, and none that come later."""
    filters = body.filter or TaskFilters(id=[])
    wanted = to_filter(filters, now)
    frozen: dict[str, Any] = {"created_before": min(wanted.created_before or now, now)}
    if body.ids is not None:
        frozen["id"] = tuple(body.ids)
    if body.action in ON_FINISHED:
        frozen["finished_before"] = min(wanted.finished_before or now, now)
    return dataclasses.replace(wanted, within=tuple(sorted(caller.handlers)), **frozen)


async def _preview(action: BulkAction, wanted: TaskFilter, services: Services) -> BulkPreview:
    deadline = services.store.lists.deadline()
    counts: dict[Status, CountView] = {}
    for one in wanted.status or tuple(Status):
        of_status = dataclasses.replace(wanted, status=(one,))
        counted = await services.store.lists.count(of_status, deadline, most=MOST_COUNTED)
        counts[one] = _count(counted)
    changing = sum(counts[one].value for one in APPLIES_TO[action] if one in counts)
    return BulkPreview(would_change=_count(min(changing, MOST_COUNTED)), by_status=counts)


def _count(value: int) -> CountView:
    return CountView(value=value, relation="gte" if value >= MOST_COUNTED else "eq")
