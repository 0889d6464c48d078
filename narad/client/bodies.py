"""What is sent about tasks: bodies of requests, out of what the caller gave."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Unpack

from narad.client.handles import HandlerLike, Reader, name_of, reader_of
from narad.client.wire import moment_text
from narad.client.words import Json, Moment, Seconds, TaskFilter, TaskOptions

_SECONDS = {"timeout": "timeout_seconds", "expires_in": "expires_in_seconds"}
_LISTS = frozenset({"status", "priority", "handler", "queue", "worker", "tag", "id"})


class NewTask:
    """A task to be created together with others: `client.tasks.create_many([NewTask("demo.echo", {"n": 1})])`."""

    def __init__(
        self,
        handler: HandlerLike[object] | str | None = None,
        payload: Mapping[str, object] | None = None,
        **options: Unpack[TaskOptions],
    ) -> None:
        self.body = new_task(handler, payload, options)
        self.reader: Reader = reader_of(handler)


def new_task(
    handler: HandlerLike[object] | str | None, payload: Mapping[str, object] | None, options: TaskOptions
) -> dict[str, Json]:
    """The body that creates a task. It is called as its handler, unless it has a name.

    Raises:
        TypeError: neither a handler nor a name is given, or the payload has no form in JSON.
    """
    body = task_fields(options)
    if handler is not None:
        body = {"name": name_of(handler), "handler": name_of(handler), **body}
    elif "name" not in body:
        raise TypeError("a task needs a handler or a name")
    return body if payload is None else {**body, "payload": jsonable(dict(payload))}


def task_fields(options: Mapping[str, Any]) -> dict[str, Json]:
    """The fields of a body that these options mean.

    Raises:
        TypeError: `run_at` and `delay` are both given.
    """
    body = {_SECONDS.get(name, name): _field(name, value) for name, value in options.items() if name != "delay"}
    if options.get("delay") is not None:
        if options.get("run_at") is not None:
            raise TypeError("run_at and delay say the same in two ways; give one of them")
        body["run_at"] = moment_text(datetime.now(UTC) + timedelta(seconds=seconds_of(options["delay"])))
    return body


def filter_body(wanted: TaskFilter) -> dict[str, Json]:
    """A filter as part of a body, where what can have several values is a list."""
    return {name: _several(value) if name in _LISTS else _plain(value) for name, value in wanted.items()}


def seconds_of(duration: Seconds) -> float:
    """A duration in seconds."""
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


def jsonable(value: object) -> Json:
    """Python values as JSON: what the standard library does not know, Pydantic does.

    Raises:
        TypeError: a value has no form in JSON, or Pydantic would be needed and is not there.
    """
    try:
        json.dumps(value)
    except TypeError as unknown:
        try:
            from pydantic_core import PydanticSerializationError, to_jsonable_python  # noqa: PLC0415 - costs its start
        except ImportError:
            raise unknown from None
        try:
            return to_jsonable_python(value, by_alias=True)
        except PydanticSerializationError as error:
            raise TypeError(f"the payload has no form in JSON: {error}") from error
    return value


def _field(name: str, value: Any) -> Json:  # noqa: ANN401 - any of the options
    if name in _SECONDS:
        return None if value is None else seconds_of(value)
    if name == "tags":
        return list(value)
    return jsonable(dict(value)) if name == "payload" else _plain(value)


def _plain(value: Moment | object) -> Json:
    return moment_text(value) if isinstance(value, datetime) else value


def _several(value: object) -> list[object]:
    return [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
