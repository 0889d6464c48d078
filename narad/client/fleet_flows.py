"""What can be done with handlers, queues, workers, statistics, keys and the audit, as courses of requests."""

from collections.abc import Mapping
from secrets import token_hex
from typing import TypeVar

from narad.client.decoding import decode, decode_all
from narad.client.fleet_views import IssuedKey, Listed
from narad.client.wire import Call, Flow, ask, json_body, path, query_of
from narad.client.words import Json, KeyOptions

T = TypeVar("T")

_KEY_LISTS = frozenset({"scopes", "networks", "handlers"})


def read(cls: type[T], *place: str, **query: object) -> Flow[T]:
    """Read one thing."""
    answer = yield from ask(Call(method="GET", path=path(*place), query=query_of(query)))
    return decode(cls, answer.json())


def read_all(cls: type[T], *place: str) -> Flow[tuple[T, ...]]:
    """Read a list that comes whole."""
    answer = yield from ask(Call(method="GET", path=path(*place)))
    return decode_all(cls, answer.json())


def page(cls: type[T], *place: str, **query: object) -> Flow[Listed[T]]:
    """Read a page of a list."""
    answer = yield from ask(Call(method="GET", path=path(*place), query=query_of(query)))
    said = answer.json()
    return Listed(decode_all(cls, said), said.get("next_cursor"))


def order(cls: type[T], *place: str, method: str = "POST", body: Mapping[str, Json] | None = None) -> Flow[T]:
    """Order something that may be ordered twice, and read what it is about."""
    call = Call(method=method, path=path(*place), body=None if body is None else json_body(body))
    answer = yield from ask(call)
    return decode(cls, answer.json())


def pause_body(reason: str | None) -> dict[str, Json] | None:
    """The body of a pause."""
    return None if reason is None else {"reason": reason}


def create_key(name: str, options: KeyOptions) -> Flow[IssuedKey]:
    """Create a key, once however often the request is made."""
    given = {one: value for one, value in options.items() if one != "idempotency_key"}
    said = {one: list(value) if one in _KEY_LISTS else value for one, value in given.items()}  # type: ignore[call-overload]
    call = Call(
        method="POST",
        path=path("keys"),
        body=json_body({"name": name, **said}),
        headers={"Idempotency-Key": options.get("idempotency_key") or token_hex(16)},
    )
    answer = yield from ask(call)
    return decode(IssuedKey, answer.json())


def rotate_key(key_id: str, overlap_seconds: float | None, expires_in_days: float | None) -> Flow[IssuedKey]:
    """Give a key a new secret. Made again after its answer was lost, it would end the overlap of the one in use."""
    given = {"overlap_seconds": overlap_seconds, "expires_in_days": expires_in_days}
    body = json_body({name: value for name, value in given.items() if value is not None})
    answer = yield from ask(Call(method="POST", path=path("keys", key_id, "rotate"), body=body, repeatable=False))
    return decode(IssuedKey, answer.json())
