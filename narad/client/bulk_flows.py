"""Operations on many tasks, as courses of requests."""

from secrets import token_hex

from narad.client.bodies import filter_body
from narad.client.decoding import decode
from narad.client.fleet_views import BulkAction, BulkFields, BulkPreview
from narad.client.waiting import Deadline
from narad.client.wire import Answer, Call, Flow, ask, json_body, path, rest
from narad.client.words import BulkWanted, Json, Priority

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


def preview(action: BulkAction, wanted: BulkWanted, priority: Priority | None) -> Flow[BulkPreview]:
    """Count what an operation would do."""
    answer = yield from _asked(action, wanted, priority, dry_run=True)
    return decode(BulkPreview, answer.json())


def begin(action: BulkAction, wanted: BulkWanted, priority: Priority | None) -> Flow[BulkFields]:
    """Begin an operation, once however often the request is made."""
    answer = yield from _asked(action, wanted, priority, dry_run=False)
    return decode(BulkFields, answer.json())


def get(operation_id: str) -> Flow[BulkFields]:
    """Read how far an operation has come."""
    answer = yield from ask(Call(method="GET", path=path("bulk-operations", operation_id)))
    return decode(BulkFields, answer.json())


def carried_out(operation_id: str, deadline: Deadline) -> Flow[BulkFields]:
    """Read an operation when it has been carried out, or when the time is over, as it then is."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        operation = yield from get(operation_id)
        if operation.is_final or not deadline.left:
            return operation
        yield from rest(min(pause, deadline.left))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _asked(action: BulkAction, wanted: BulkWanted, priority: Priority | None, *, dry_run: bool) -> Flow[Answer]:
    body: dict[str, Json] = {"action": action, "priority": priority, "reason": wanted.get("reason")}
    body |= {"filter": filter_body(wanted["filter"])} if "filter" in wanted else {}
    body |= {"ids": list(wanted["ids"])} if "ids" in wanted else {}
    body |= {"all": True} if wanted.get("all") else {}
    call = Call(
        method="POST",
        path=path("bulk-operations"),
        body=json_body({name: value for name, value in body.items() if value is not None} | {"dry_run": dry_run}),
        headers={"Idempotency-Key": wanted.get("idempotency_key") or token_hex(16)},
    )
    return (yield from ask(call))
