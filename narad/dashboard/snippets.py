"""A task as a command that creates one like it: for curl, for the command line, for Python."""

import json
import shlex
from collections.abc import Mapping
from typing import Final

from narad.domain.task import Json, JsonObject

Body = Mapping[str, Json]
"""The body that creates the task, with what is not as usual."""
_OPTIONS: Final = (
    ("name", "--name"),
    ("description", "--description"),
    ("priority", "--priority"),
    ("queue", "--queue"),
    ("run_at", "--run-at"),
    ("max_attempts", "--max-attempts"),
    ("unique_key", "--unique-key"),
)
_NAMED: Final = ("handler", "payload")
_ARGUMENTS: Final = {"timeout_seconds": "timeout"}
_LONGEST: Final = 8_000


def snippets(base: str, body: Body, *, with_key: bool) -> dict[str, str]:
    """Each of them by its name; those that are too long for a page are left out."""
    made = {
        "curl": curl(base, body, with_key=with_key),
        "CLI": command(base, body),
        "Python": python(base, body),
    }
    return {name: text for name, text in made.items() if len(text) <= _LONGEST}


def curl(base: str, body: Body, *, with_key: bool) -> str:
    """For a shell."""
    key = ' \\\n  -H "Authorization: Bearer $NARAD_API_KEY"' if with_key else ""
    data = shlex.quote(_json(body))
    return f"curl -X POST {base}/api/v1/tasks \\\n  -H 'Content-Type: application/json'{key} \\\n  -d {data}"


def command(base: str, body: Body) -> str:
    """For a shell, by our own command."""
    parts = ["narad", "tasks", "create"]
    handler, payload = body.get("handler"), body.get("payload")
    if handler:
        parts.append(str(handler))
    if payload:
        parts += ["--input", _json(payload)]
    for name, option in _OPTIONS:
        if body.get(name) is not None:
            parts += [option, str(body[name])]
    timeout, tags = body.get("timeout_seconds"), body.get("tags")
    if isinstance(timeout, int | float):
        parts += ["--time-limit", f"{timeout:g}s"]
    for tag in tags if isinstance(tags, list | tuple) else ():
        parts += ["--tag", str(tag)]
    return f"NARAD_URL={shlex.quote(base)} {shlex.join(parts)}"


def python(base: str, body: Body) -> str:
    """For a program."""
    given = [repr(body.get("handler"))] if body.get("handler") else []
    if body.get("payload"):
        given.append(repr(body["payload"]))
    options = {_ARGUMENTS.get(name, name): value for name, value in body.items() if name not in _NAMED}
    given += [f"{name}={value!r}" for name, value in options.items() if value is not None]
    arguments = "".join(f"        {one},\n" for one in given)
    return (
        "from narad import Client\n\n"
        f"with Client(base_url={base!r}) as client:\n"
        f"    task = client.tasks.create(\n{arguments}    )\n"
    )


def body_like(fields: JsonObject) -> dict[str, Json]:
    """The body without what is empty, or as usual."""
    usual: JsonObject = {"priority": "MEDIUM", "payload": {}, "tags": []}
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value != "" and value != usual.get(name, ...)
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
