"""Pages of the list of tasks: from a query to what is answered."""

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import Request, Response
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType

from narad.api.caller import Caller
from narad.api.pagination import PURPOSE, Cursor, decode_cursor, encode_cursor, links
from narad.api.schemas import ErrorSummaryView, TaskSummaryView
from narad.api.services import Services
from narad.api.task_query import TaskQuery, to_filter, to_order
from narad.domain.task import ListedTask, Part
from narad.store.lists import Span

MOST_COUNTED = 10_000

_LARGE: dict[Part, dict[str, Any]] = {
    Part.PAYLOAD: {"payload": True},
    Part.RESULT: {"result": True},
    Part.TRACEBACK: {"error": {"traceback": True}},
}
"""Where each part is in an item."""
REDACTED_PARTS = frozenset({Part.PAYLOAD, Part.RESULT})
"""What only those see who may read payloads."""


Relation = TypeAliasType("Relation", Literal["eq", "gte"])


class ListedErrorView(ErrorSummaryView):
    """Why the latest attempt failed; where in the code it happened if `fields` asks for it."""

    traceback: str | None = None


class ListedTaskView(TaskSummaryView):
    """A task in a list: with payload and result if `fields` asks for them."""

    error: ListedErrorView | None
    payload: dict[str, Any] | None = None
    result: Any = None
    redacted: tuple[str, ...] = Field(default=(), description="What `fields` asks for and your key may not read.")


class TotalView(BaseModel):
    """How many tasks match: exactly so many, or that many and more."""

    value: int
    relation: Relation


class TaskPage(BaseModel):
    """A page of a list."""

    items: list[ListedTaskView]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last one.")
    prev_cursor: str | None = Field(description="Leads to the page before; null on the first one.")
    has_more: bool = Field(description="Whether there is a next page.")
    total: TotalView | None = Field(default=None, description="There if `include=total` asks for it.")


async def answer_page(query: TaskQuery, request: Request, services: Services, caller: Caller, path: str) -> Response:
    """The answer to a query for a list that stands at the path, as far as the caller may see it.

    Raises:
        Problem: its cursor is not valid.
        QueryTooSlowError: the list takes the database too long.
    """
    page = await services.promptly(_read(query, services, caller))
    headers = {"Link": links(request, path, following=page.next_cursor, preceding=page.prev_cursor)}
    body = page.model_dump_json(exclude=_left_out(query))
    return Response(body, headers=headers, media_type="application/json")


async def _read(query: TaskQuery, services: Services, caller: Caller) -> TaskPage:
    secret = services.secrets.derive(PURPOSE)
    cursor = None if query.cursor is None else decode_cursor(query.cursor, query, secret)
    as_of = services.clock.now() if cursor is None else cursor.as_of
    wanted, order = to_filter(query, as_of, caller.handlers), to_order(query)
    lists = services.store.lists
    deadline = lists.deadline()
    withheld = frozenset() if caller.reads_payloads else REDACTED_PARTS.intersection(query.fields)
    parts = [part for part in query.fields if part not in withheld]
    found = await lists.page(wanted, order, _span(query, cursor), deadline, parts=parts)
    counted = await lists.count(wanted, deadline, most=MOST_COUNTED + 1) if "total" in query.include else None

    def encoded(task: ListedTask, *, backwards: bool) -> str:
        return encode_cursor(Cursor(order.position_of(task), as_of, backwards), query, secret)

    items, has_prev, has_next = _cut(found, query.limit, cursor)
    return TaskPage(
        items=[_listed(task, sorted(withheld)) for task in items],
        next_cursor=encoded(items[-1], backwards=False) if has_next else None,
        prev_cursor=encoded(items[0], backwards=True) if has_prev else None,
        has_more=has_next,
        total=None if counted is None else _total(counted),
    )


def _listed(task: ListedTask, withheld: Sequence[Part]) -> ListedTaskView:
    view = ListedTaskView.model_validate(task)
    return view.model_copy(update={"redacted": tuple(withheld)}) if withheld else view


def _span(query: TaskQuery, cursor: Cursor | None) -> Span:
    """One task more than the page shows, which tells whether the list goes on."""
    limit = query.limit + 1
    if cursor is None:
        return Span(limit=limit)
    return Span(limit=limit, before=cursor.position) if cursor.backwards else Span(limit=limit, after=cursor.position)


def _cut(found: Sequence[ListedTask], limit: int, cursor: Cursor | None) -> tuple[Sequence[ListedTask], bool, bool]:
    """The tasks to be shown, and whether there are pages before and after them: on one side is where we come from."""
    more = len(found) > limit
    if cursor is not None and cursor.backwards:
        return found[-limit:], more, bool(found)
    return found[:limit], cursor is not None and bool(found), more


def _total(counted: int) -> TotalView:
    if counted > MOST_COUNTED:
        return TotalView(value=MOST_COUNTED, relation="gte")
    return TotalView(value=counted, relation="eq")


def _left_out(query: TaskQuery) -> dict[str, Any]:
    """What the answer does not have, in the words of Pydantic."""
    item: dict[str, Any] = {} if REDACTED_PARTS.intersection(query.fields) else {"redacted": True}
    for part, place in _LARGE.items():
        if part not in query.fields:
            item |= place
    return {"items": {"__all__": item}} | ({} if "total" in query.include else {"total": True})
