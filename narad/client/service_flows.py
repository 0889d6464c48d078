"""What can be done with the service as a whole, as courses of requests."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from narad.client.wire import Answer, Call, Flow, ask, json_body, path, query_of
from narad.client.words import Json

_SAFE = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}


def events(
    types: Sequence[str], statuses: Sequence[str], task_ids: Sequence[str]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The path and the query of a stream of events."""
    query = {"types": ",".join(types) or None, "status": list(statuses), "task_id": list(task_ids)}
    return path("events"), query_of(query)


def raw(method: str, target: str, body: Json) -> Flow[Answer]:
    """Make a request as it is; what is not idempotent is not made again unless it surely was not carried out."""
    place, _, query = target.partition("?")
    call = Call(
        method=method.upper(),
        path=place if place.startswith("/") else f"/{place}",
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        body=None if body is None else json_body(body),
        repeatable=method.upper() in _SAFE,
    )
    return (yield from ask(call))
