"""What the OpenAPI document says that no route says: texts, tags, headers."""

from collections.abc import Mapping
from typing import Any, Final

DESCRIPTION: Final = """\
Hand over work with one request; it is stored, run by a worker, and its outcome kept.

A task is stored before it is answered with 201, and reaches one final status whatever happens to the service. Errors
are problems as of RFC 9457: branch on `code`, show `detail`; `type` leads to a page that says what to do. Ignore fields
of answers that you do not know; fields of requests that the service does not know are refused."""

TAGS: Final[Mapping[str, str]] = {
    "tasks": "Work handed over: create it, follow it, change it while it waits, cancel it, run it again.",
    "events": "Hints that tasks changed, as server-sent events.",
    "bulk operations": "One action over many tasks, carried out in the background.",
    "handlers": "What workers can do: the handlers that they published, with the schemas of their payloads.",
    "queues": "The lanes that tasks wait in: how full they are, and whether they are open.",
    "workers": "The processes that run tasks: how they are, and orders to them.",
    "schedules": "Tasks that are created by the clock.",
    "webhooks": "Addresses that hear of tasks that ended.",
    "stats": "Figures over all tasks.",
    "keys": "Who may use this service, and for what.",
    "audit": "Who changed what.",
    "problems": "What each type of problem means, and what to do.",
    "health": "Whether the process turns and can do its work. Asked without a key.",
}
"""In the order in which they are shown."""

ANYWHERE: Final = frozenset({408, 431, 500})
"""Statuses of problems that any request may meet."""

AT_THE_GATE: Final = frozenset({401, 403, 421, 429})
"""Those of requests that the gate refuses, which all pass but those of probes."""

UNNAMED: Final = frozenset({408, 431})
"""Statuses of answers to what is no request yet, and so has no id."""


def _header(description: str, *, required: bool = False, **schema: object) -> dict[str, Any]:
    header = {"description": description, "schema": {"type": "string", **schema}}
    return {**header, "required": True} if required else header


HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "X-Request-ID": _header("The id of the request: the client's own, or one that was made for it.", required=True),
    "Location": _header("The path of what was created.", format="uri-reference"),
    "Retry-After": _header("Seconds after which to try again.", type="integer", minimum=0),
    "Idempotent-Replayed": _header("There, where an earlier request with this key did the work.", enum=["true"]),
    "WWW-Authenticate": _header("How to authenticate."),
}
"""Headers of answers, for `$ref: #/components/headers/…`."""
