"""Creating many tasks, each for itself: `?atomic=false` of a batch. An item that is refused keeps no other one back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import WithJsonSchema
from typing_extensions import override

from narad.api import idempotency
from narad.api.answers import json_answer
from narad.api.caller import Caller, caller_of
from narad.api.errors import from_validation
from narad.api.json_route import BodyRoute, Handle, parsed
from narad.api.once import duplicate_task, read_made
from narad.api.problems import Problem
from narad.api.schemas import MOST_ITEMS, TaskCreate, TaskView
from narad.api.services import Services, services_of
from narad.api.submission import as_stored, complete, of_item
from narad.api.visible import shown
from narad.domain.submission import Created, Duplicate, IdempotencyKey, Replayed, Submission, Submitted
from narad.domain.task import NewTask, Task

PARAMETER = {
    "name": "atomic",
    "in": "query",
    "required": False,
    "description": "`false`: create what can be created, and answer with 200 and the outcome of each item.",
    "schema": {"type": "boolean", "default": True},
}
"""The parameter in the OpenAPI document."""

_ATOMIC = TypeAdapter[bool](bool)
_CREATE = TypeAdapter(TaskCreate)
_ProblemJson = Annotated[dict[str, Any], WithJsonSchema({"$ref": "#/components/schemas/ProblemView"})]


class _Items(BaseModel):
    """A batch whose items are looked at one by one."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[Any], Field(min_length=1, max_length=MOST_ITEMS)]


class ItemView(BaseModel):
    """What came of one item: a task, or a problem as it would be the answer to the item alone."""

    index: int
    status: int = Field(description="201 for a new task, 200 for one that was there already, else of the problem.")
    task: TaskView | None
    problem: _ProblemJson | None


class ItemsView(BaseModel):
    """What came of each item of a batch, in their order."""

    atomic: Literal[False] = False
    items: list[ItemView]


@dataclass(frozen=True, slots=True)
class _Made:
    """A task that is there, and whether by this request, or by the same one before."""

    task: Task
    status: int
    replayed: bool = False


class BatchRoute(BodyRoute):
    """The route of a batch: its endpoint creates all items or none, and without `atomic` it is not asked."""

    @override
    def _handler(self) -> Handle:
        together = super()._handler()

        async def handle(request: Request) -> Response:
            if is_atomic(request):
                return await together(request)
            return await create_each(parsed(await request.body()), request)

        return handle


def is_atomic(request: Request) -> bool:
    """Whether the items are to be created together or not at all.

    Raises:
        RequestValidationError: `?atomic=` is no truth value, or there is another parameter.
    """
    if not request.scope["query_string"]:
        return True
    unknown = [name for name in request.query_params if name != PARAMETER["name"]]
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": ""} for name in unknown]
        )
    try:
        return _ATOMIC.validate_python(request.query_params["atomic"])
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("query", "atomic")} for one in found]) from error


async def create_each(value: object, request: Request) -> Response:
    """The answer to a batch whose items are created each for itself.

    An idempotency key counts for each item: sent again, the request makes those that were refused before, and no other
    one twice.

    Raises:
        RequestValidationError: the body is no batch.
        Problem: the idempotency key is not valid.
        OverloadedError: as many tasks wait as may; nothing was created.
    """
    services, caller = services_of(request), caller_of(request)
    items = _items(value)
    key = await idempotency.key_of(request)
    outcomes: list[Problem | Submission] = []
    for index, item in enumerate(items):
        of_this = None if key is None else idempotency.key_of_item(key, index, item)
        outcomes.append(await _prepared(index, item, of_this, services, caller))
    wanted = [one for one in outcomes if isinstance(one, Submission)]
    submitted = dict(zip((one.task.id for one in wanted), await _submit(wanted, services), strict=True))
    services.created([one.task for one in submitted.values() if isinstance(one, Created)])
    settled: list[_Made | Problem] = [
        await _settled(one, submitted[one.task.id], services, caller) if isinstance(one, Submission) else one
        for one in outcomes
    ]
    views = [_view(index, one, request, caller) for index, one in enumerate(settled)]
    replayed = any(isinstance(one, _Made) and one.replayed for one in settled)
    return json_answer(ItemsView(items=views), status.HTTP_200_OK, {idempotency.REPLAYED: "true"} if replayed else None)


def _items(value: object) -> Sequence[object]:
    try:
        return _Items.model_validate(value).items
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from error


async def _prepared(
    index: int, item: object, key: IdempotencyKey | None, services: Services, caller: Caller
) -> Submission | Problem:
    """The task that an item asks for, or why it is refused."""
    try:
        body = _CREATE.validate_python(item)
        task = await services.promptly(complete(body, services, caller))
    except ValidationError as error:
        found = error.errors(include_url=False)
        return from_validation([{**one, "loc": ("body", "items", index, *one["loc"])} for one in found], ())
    except Problem as problem:
        return of_item(index, problem)
    return Submission(task, key, may_exist=body.on_conflict == "return_existing")


async def _submit(wanted: Sequence[Submission], services: Services) -> Sequence[Submitted]:
    if not wanted:
        return ()
    if any(one.key is not None or one.task.unique_key is not None for one in wanted):
        return await services.promptly(services.store.submissions.submit(wanted))
    tasks: Sequence[NewTask] = await services.promptly(services.store.tasks.insert([one.task for one in wanted]))
    return [Created(task) for task in tasks]


async def _settled(wanted: Submission, result: Submitted, services: Services, caller: Caller) -> _Made | Problem:
    """What an item is answered with."""
    try:
        match result:
            case Created(task):
                return _Made(as_stored(task), status.HTTP_201_CREATED)
            case Replayed((task_id, *_)):
                return _Made(await read_made(task_id, services, caller), status.HTTP_201_CREATED, replayed=True)
            case Duplicate(task_id) if wanted.may_exist:
                return _Made(await read_made(task_id, services, caller), status.HTTP_200_OK)
            case Duplicate(task_id):
                return duplicate_task(task_id)
            case _:
                return idempotency.reused()
    except Problem as problem:
        return problem


def _view(index: int, outcome: _Made | Problem, request: Request, caller: Caller) -> ItemView:
    if isinstance(outcome, Problem):
        return ItemView(index=index, status=outcome.kind.status, task=None, problem=outcome.as_json(request.scope))
    return ItemView(
        index=index, status=outcome.status, task=shown(outcome.task, caller, services_of(request)), problem=None
    )
