"""Pages of the list of tasks: from a query to what is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request, Response
from pydantic import BaseModel, Field
from typing_extensions import TypeAliasType

from narad.api.caller import Caller
from narad.api.pagination import PURPOSE, Cursor, decode_cursor, encode_cursor, links
from narad.api.schemas import ErrorSummaryView, TaskSummaryView
from narad.api.services import Services
from narad.api.task_query import TaskFilters, TaskQuery, to_filter, to_order
from narad.api.visible import without_hidden
from narad.domain.task import ListedTask, Part
from narad.store.lists import Look, Span
from narad.store.order import Order, Position

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
    redacted: tuple[str, ...] = Field(
        default=(), description="What `fields` asks for and is null: your key may not read it, or nobody may."
    )


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


@dataclass(frozen=True, slots=True)
class Looked:
    """A page, and where the look at its list ended before the page was full, the cursor that goes on there."""

    page: TaskPage
    further: str | None = None


async def answer_page(query: TaskQuery, request: Request, services: Services, caller: Caller, path: str) -> Response:
    """The answer to a query for a list that stands at the path, as far as the caller may see it.

    Raises:
        Problem: its cursor is not valid.
        QueryTooSlowError: the list takes the database too long.
    """
    page = await services.promptly(read_page(query, services, caller))
    headers = {"Link": links(request, path, following=page.next_cursor, preceding=page.prev_cursor)}
    body = page.model_dump_json(exclude=_left_out(query))
    return Response(body, headers=headers, media_type="application/json")


async def read_page(query: TaskQuery, services: Services, caller: Caller) -> TaskPage:
    """The page of a query, as far as the caller may see it; waits for the store as long as that takes.

    Raises:
        Problem: its cursor is not valid.
        QueryTooSlowError: the list takes the database too long.
    """
    return (await look_at(query, services, caller)).page


async def look_at(query: TaskQuery, services: Services, caller: Caller, *, rows: int | None = None) -> Looked:
    """The same; where so many `rows` are given, no more than these are searched for tasks that match.

    Raises:
        Problem: its cursor is not valid.
        QueryTooSlowError: the list takes the database too long.
    """
    secret = services.secrets.derive(PURPOSE)
    cursor = None if query.cursor is None else decode_cursor(query.cursor, query, secret)
    as_of = services.clock.now() if cursor is None else cursor.as_of
    wanted, order = to_filter(query, as_of, caller.handlers), to_order(query)
    lists = services.store.lists
    deadline = lists.deadline()
    withheld = frozenset() if caller.reads_payloads else REDACTED_PARTS.intersection(query.fields)
    parts = [part for part in query.fields if part not in withheld]
    if Part.PAYLOAD in parts:
        await services.handlers.refresh()
    look = await lists.look(wanted, order, _span(query, cursor), deadline, parts=parts, rows=rows)
    counted = await lists.count(wanted, deadline, most=MOST_COUNTED + 1) if "total" in query.include else None

    def encoded(place: Position | None, *, backwards: bool) -> str | None:
        return None if place is None else encode_cursor(Cursor(place, as_of, backwards), query, secret)

    items, before, after = _cut(look, order, query.limit, cursor)
    page = TaskPage(
        items=[_listed(task, sorted(withheld), services) for task in items],
        next_cursor=encoded(after, backwards=False),
        prev_cursor=encoded(before, backwards=True),
        has_more=after is not None,
        total=None if counted is None else _total(counted),
    )
    ended_early = look.end is not None and len(items) < query.limit
    backwards = cursor is not None and cursor.backwards
    return Looked(page, (page.prev_cursor if backwards else page.next_cursor) if ended_early else None)


async def count_matching(
    filters: TaskFilters, services: Services, caller: Caller, *, rows: int | None = None
) -> TotalView:
    """How many tasks match, counted up to a limit; where so many `rows` are given, among the newest of these.

    Raises:
        QueryTooSlowError: the count takes the database too long.
    """
    wanted = to_filter(filters, services.clock.now(), caller.handlers)
    lists = services.store.lists
    if rows is None:
        return _total(await lists.count(wanted, lists.deadline(), most=MOST_COUNTED + 1))
    counted = await lists.count_among(wanted, lists.deadline(), most=MOST_COUNTED + 1, rows=rows)
    total = _total(counted.value)
    return TotalView(value=total.value, relation="gte") if counted.ended_early else total


def _listed(task: ListedTask, withheld: Sequence[Part], services: Services) -> ListedTaskView:
    view = ListedTaskView.model_validate(task)
    hidden = () if task.payload is None else services.handlers.hidden(task.handler)
    if hidden and task.payload is not None:
        return view.model_copy(update=without_hidden(task.payload, hidden))
    return view.model_copy(update={"redacted": tuple(withheld)}) if withheld else view


def _span(query: TaskQuery, cursor: Cursor | None) -> Span:
    """One task more than the page shows, which tells whether the list goes on."""
    limit = query.limit + 1
    if cursor is None:
        return Span(limit=limit)
    return Span(limit=limit, before=cursor.position) if cursor.backwards else Span(limit=limit, after=cursor.position)


def _cut(
    look: Look, order: Order, limit: int, cursor: Cursor | None
) -> tuple[Sequence[ListedTask], Position | None, Position | None]:
    """The tasks to be shown, and the places of the pages before and after them: on one side is where we come from."""
    backwards = cursor is not None and cursor.backwards
    items = look.tasks[-limit:] if backwards else look.tasks[:limit]
    first, last = (order.position_of(items[0]), order.position_of(items[-1])) if items else (look.end, look.end)
    has_more = len(look.tasks) > limit
    if backwards:
        return items, first if has_more else look.end, last
    return items, None if cursor is None else first, last if has_more else look.end


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
