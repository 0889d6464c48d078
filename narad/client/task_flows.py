"""What can be done with tasks, as courses of requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from secrets import token_hex
from typing import cast

from narad.client.bodies import NewTask, new_task, seconds_of, task_fields
from narad.client.decoding import decode, decode_all
from narad.client.errors import Conflict, NaradError
from narad.client.handles import HandlerLike
from narad.client.problem import Response
from narad.client.retrying import is_passing
from narad.client.views import Attempt, Count, LogLine, TaskFields, TaskStatus
from narad.client.wire import UNCHANGED, Answer, Call, Flow, ask, json_body, path, query_of, rest
from narad.client.words import CloneOptions, CreateOptions, Json, TaskChanges, TaskListing, TaskOptions

LONGEST_WAIT_SECONDS = 55
"""What the service takes on within one request."""
MOST_ITEMS = 1_000
"""Of one batch."""
MOST_LINES = 1_000
_TASKS = path("tasks")
_MOST_TRIES = 3
_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Read:
    """A task as it was answered."""

    task: TaskFields
    response: Response
    whole: bool = True
    """Whether it came with its result, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRead:
    """A page of tasks as it was answered."""

    tasks: tuple[TaskFields, ...]
    response: Response
    whole: bool
    next_cursor: str | None
    prev_cursor: str | None
    has_more: bool
    total: Count | None


def create(
    handler: HandlerLike[object] | str | None, payload: Mapping[str, object] | None, options: CreateOptions
) -> Flow[Read]:
    """Create a task. Of `wait` so much is waited as one request can."""
    said = {name: value for name, value in options.items() if name not in {"idempotency_key", "wait"}}
    wait = int(min(seconds_of(options.get("wait", 0)), LONGEST_WAIT_SECONDS))
    call = _creating("tasks", body=new_task(handler, payload, cast("TaskOptions", said)), options=options, wait=wait)
    return read_of((yield from ask(call)))


def create_many(items: Sequence[NewTask], key: str | None) -> Flow[list[Read]]:
    """Create tasks together, up to 1 000 with one request: those all, or none."""
    key = key or token_hex(16)
    found: list[Read] = []
    for start in range(0, len(items), MOST_ITEMS):
        body = {"items": [item.body for item in items[start : start + MOST_ITEMS]]}
        call = _creating("tasks", "batch", body=body, options={"idempotency_key": f"{key}.{start}"})
        answer = yield from ask(call)
        found += [Read(task, answer.response) for task in decode_all(TaskFields, answer.json())]
    return found


def get(task_id: str) -> Flow[Read]:
    """Read a task."""
    return read_of((yield from ask(Call(method="GET", path=path("tasks", task_id)))))


def get_status(task_id: str) -> Flow[TaskStatus]:
    """Read where a task stands."""
    answer = yield from ask(Call(method="GET", path=path("tasks", task_id, "status")))
    return decode(TaskStatus, answer.json())


def refreshed(known: TaskFields, *, whole: bool) -> Flow[Read]:
    """Read a task again; where it is as it was, and is known as a `whole`, it is not sent again."""
    headers = {"If-None-Match": f'"v{known.version}"'} if whole else {}
    answer = yield from ask(Call(method="GET", path=path("tasks", known.id), headers=headers))
    return Read(known, answer.response) if answer.response.status == UNCHANGED else read_of(answer)


def page(listing: TaskListing) -> Flow[PageRead]:
    """Read a page of the list."""
    answer = yield from ask(Call(method="GET", path=_TASKS, query=query_of(listing)))
    said = answer.json()
    tasks, total = decode_all(TaskFields, said), said.get("total")
    fields = listing.get("fields", ())
    parts = fields.split(",") if isinstance(fields, str) else fields
    return PageRead(
        tasks=tasks,
        response=answer.response,
        whole="result" in parts,
        next_cursor=said.get("next_cursor"),
        prev_cursor=said.get("prev_cursor"),
        has_more=bool(said.get("has_more")),
        total=None if total is None else decode(Count, total),
    )


def cancel(task_id: str, reason: str | None) -> Flow[Read]:
    """Cancel a task: at once while it waits; a running one is asked to stop."""
    body = None if reason is None else json_body({"reason": reason})
    return read_of((yield from ask(Call(method="POST", path=path("tasks", task_id, "cancel"), body=body))))


def retry(task_id: str) -> Flow[Read]:
    """Have a task that ended FAILED or CANCELLED run again, once.

    The request is not made again blindly: where its answer is lost, the task may have run and failed anew meanwhile,
    which its version tells.
    """
    before = (yield from get_status(task_id)).version
    call = Call(method="POST", path=path("tasks", task_id, "retry"), repeatable=False)
    for tries in count(1):
        try:
            return read_of((yield from ask(call)))
        except NaradError as error:
            late = tries > 1 and isinstance(error, Conflict)
            if tries == _MOST_TRIES or not (late or is_passing(replace(call, repeatable=True), error)):
                raise
        yield from rest(_AGAIN_SECONDS)
        read = yield from get(task_id)
        if read.task.version > before:
            return read
    raise AssertionError("unreachable")


def clone(task_id: str, options: CloneOptions) -> Flow[Read]:
    """Create a task like another."""
    said = {name: value for name, value in options.items() if name != "idempotency_key"}
    call = _creating("tasks", task_id, "clone", body=task_fields(said), options=options)
    return read_of((yield from ask(call)))


def update(task_id: str, changes: TaskChanges, only_version: int | None) -> Flow[Read]:
    """Change a task that waits; with `only_version` only as long as it has that version."""
    call = Call(
        method="PATCH",
        path=path("tasks", task_id),
        body=json_body(task_fields(changes)),
        headers={} if only_version is None else {"If-Match": f'"v{only_version}"'},
        # Made again after its answer was lost, it would meet a version that is its own doing.
        repeatable=only_version is None,
    )
    return read_of((yield from ask(call)))


def attempts(task_id: str) -> Flow[tuple[Attempt, ...]]:
    """Read the attempts that are known."""
    answer = yield from ask(Call(method="GET", path=path("tasks", task_id, "attempts")))
    return decode_all(Attempt, answer.json())


def logs(task_id: str, after: str | None) -> Flow[tuple[LogLine, ...]]:
    """Read all lines after one of them, page by page."""
    found: list[LogLine] = []
    while True:
        query = query_of({"limit": MOST_LINES, "after": after})
        answer = yield from ask(Call(method="GET", path=path("tasks", task_id, "logs"), query=query))
        said = answer.json()
        found += decode_all(LogLine, said)
        after = said.get("next_after")
        if after is None:
            return tuple(found)


def read_of(answer: Answer) -> Read:
    """The task of an answer."""
    return Read(decode(TaskFields, answer.json()), answer.response)


def _creating(*parts: str, body: Mapping[str, Json], options: Mapping[str, object], wait: int = 0) -> Call:
    """A request that creates; its key stays the same however often it is made."""
    return Call(
        method="POST",
        path=path(*parts),
        query=query_of({"wait": wait or None}),
        body=json_body(body),
        headers={"Idempotency-Key": str(options.get("idempotency_key") or token_hex(16))},
        wait_seconds=wait,
    )


def listing_of(listing: TaskListing, cursor: str | None) -> TaskListing:
    """The same list from another place on."""
    return listing if cursor is None else {**listing, "cursor": cursor}
