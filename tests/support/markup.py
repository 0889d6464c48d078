"""Hostile text in every field that is kept, and what a page makes of it.

Each field holds a text of its own that names it, so that a page can be asked which fields it has shown, and whether it
has shown them as text.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from playwright.sync_api import Page
from sqlalchemy import JSON, Column, Engine, Table, Text, Uuid, insert

from narad.domain.bulk import BulkStatus
from narad.domain.status import Status
from narad.ids import new_id
from narad.store import tables
from narad.store.types import Code, UTCDateTime

MARKUP: Final = (
    "</title></textarea></script>\"'><img class=hostile src=x onerror=run()><script class=hostile>run()</script>{{7*7}}"
)
LINK: Final = "javascript:run()//"
HOSTILE: Final = (MARKUP, LINK)

KEPT_APART: Final = frozenset({"installation", "duties", "idempotency_keys", "checkpoints", "stats"})
"""Tables of which no page shows a text."""
NOT_SHOWN: Final = frozenset(
    {
        "tasks.spawn_key",  # of the handler that made the task
        "keys.digest", "keys.previous_digest", "keys.role",  # secrets, and words of ours
        "keys.created_by",
        "audit.key_id",  # in addresses alone
        "keys.scopes",  # words of ours
        "bulk_operations.filter", "bulk_operations.place",  # for whoever carries it out
        "handlers.fingerprint",  # cut to its first digits
    }
)  # fmt: skip
"""Fields of the other tables that no page shows, or not as they were stored."""

HANDLERS: Final = {MARKUP: "hostile.markup", LINK: "hostile.link"}
"""Handlers whose names can stand in an address, as every name that is checked can."""

_SEEN: Final = """() => [...document.querySelectorAll('*')].flatMap((one) => [
    ...(one.matches('.hostile, iframe, object, embed, base') ? [one.outerHTML] : []),
    ...one.getAttributeNames().filter((name) => name.startsWith('on')).map((name) => `${one.tagName} ${name}`),
    ...['href', 'action', 'formAction', 'src'].filter((name) => /^\\s*(javascript|data:text)/i.test(one[name] ?? ''))
        .map((name) => `${one.tagName} ${name}=${one[name]}`),
])"""
_SAID: Final = """() => [document.title, document.body.textContent, ...[...document.querySelectorAll('*')].flatMap(
    (one) => [...one.attributes].map((attribute) => attribute.value).concat(one.value ?? []))].join('\\n')"""
_REFRESH: Final = """() => new Promise((done) => {
    const stream = document.getElementById('stream');
    if (!stream) return done('nothing is live');
    document.addEventListener('htmx:after:swap', () => done('swapped'), {once: true});
    setTimeout(() => done('not swapped'), 10000);
    stream.dispatchEvent(new Event('refresh'));
})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What was stored, by its ids."""

    tasks: Mapping[Status, UUID]
    worker: UUID
    operation: UUID


def elements_made(page: Page) -> list[str]:
    """What of the page only hostile text can have made."""
    found: list[str] = page.evaluate(_SEEN)
    return found


def said(page: Page) -> str:
    """All that the page says, in texts and in attributes."""
    text: str = page.evaluate(_SAID)
    return text


def refresh(page: Page) -> str:
    """Have a live page draw its parts again, as a signal would."""
    outcome: str = page.evaluate(_REFRESH)
    return outcome


def says(text: str, part: str) -> bool:
    """Whether a part stands in what a page says, as it is or within JSON."""
    return part in text or json.dumps(part)[1:-1] in text


def in_field(hostile: str, field: str) -> str:
    """The text that a field holds."""
    return f"{hostile}#{field}#"


def shown_fields(text: str, hostile: str) -> set[str]:
    """The fields whose texts stand in what pages said."""
    return {field for field in fields() if says(text, in_field(hostile, field))}


def fields() -> Iterator[str]:
    """Every field of text or JSON that some page may show."""
    for table in tables.metadata.sorted_tables:
        if table.name not in KEPT_APART:
            yield from (
                f"{table.name}.{column.name}" for column in table.columns if isinstance(column.type, Text | JSON)
            )


def plant(engine: Engine, hostile: str) -> Planted:
    """Store a row of everything, whose texts are all hostile."""
    now = datetime.now(UTC)
    later = now + timedelta(days=365)
    worker, operation = new_id(), new_id()
    tasks: dict[Status, UUID] = {status: new_id() for status in Status if status is not Status.NEW}

    def add(table: Table, **given: object) -> None:
        row = {column.name: _value(column, hostile, now) for column in table.columns} | given
        connection.execute(insert(table), row)

    with engine.begin() as connection:
        add(tables.workers, id=worker, lease_expires_at=later, stopped_at=None, ordered=None, draining=0, lost=0)
        for status, task_id in tasks.items():
            add(tables.tasks, id=task_id, **_standing(status, worker, later))
            add(tables.attempts, task_id=task_id, worker_id=worker)
            add(tables.log_lines, task_id=task_id)
        add(tables.bulk_operations, id=operation, status=BulkStatus.COMPLETED, claimed_until=None)
        add(tables.keys, role=None, revoked_at=None, previous_digest=None, previous_until=None, expires_at=later)
        add(tables.audit)
        add(tables.audit, target=None)
        add(tables.handlers)
        add(tables.handlers, name=HANDLERS[hostile])
        add(tables.queues)
    return Planted(tasks=tasks, worker=worker, operation=operation)


def _standing(status: Status, worker: UUID, later: datetime) -> dict[str, object]:
    """The columns that tell where a task stands, as the checks of its table want them."""
    empty = {"deadline_at", "expires_at", "cancel_requested_at", "parent_id"}
    if status is Status.PENDING:
        empty |= {"worker_id", "unique_key", "started_at", "finished_at", "result", "error"}
        return dict.fromkeys(empty) | {"status": status, "attempt": 0, "run_at": later, "due_at": later}
    empty |= {"due_at"} | ({"finished_at", "result", "error"} if status is Status.IN_PROGRESS else set())
    empty |= {"error"} if status is Status.COMPLETED else {"result"}
    return dict.fromkeys(empty) | {"status": status, "worker_id": worker}


def _value(column: Column[Any], hostile: str, now: datetime) -> object:
    text = in_field(hostile, f"{column.table.name}.{column.name}")
    match column.type:
        case JSON():
            return _JSON[f"{column.table.name}.{column.name}"](text)
        case Text():
            return text
        case Code() as code:
            return next(iter(code.enumeration.__members__.values()))
        case UTCDateTime():
            return now
        case Uuid():
            return new_id()
        case _:
            return 1


def _error(text: str) -> object:
    return {"type": text, "message": text, "traceback": text, "retryable": True}


def _both(text: str) -> object:
    return {text: [text, {text: text}]}


def _list(text: str) -> object:
    return [text]


def _schema(text: str) -> object:
    plain = {"type": "string", "title": text, "description": text, "default": text}
    properties = {text: plain, "choice": {"enum": [text, "other"], "description": text}}
    return {"type": "object", "title": text, "description": text, "properties": properties, "required": [text]}


_JSON: Final = {
    "tasks.payload": _both,
    "tasks.tags": _list,
    "tasks.progress": lambda text: {"value": 0.5, "message": text},
    "tasks.result": _both,
    "tasks.error": _error,
    "workers.queues": _list,
    "workers.handlers": _list,
    "bulk_operations.filter": lambda text: {"name": text},
    "bulk_operations.place": lambda _: {},
    "keys.scopes": lambda _: [],
    "keys.networks": _list,
    "keys.handlers": _list,
    "audit.filter": _both,
    "attempts.error": _error,
    "handlers.payload_schema": _schema,
    "handlers.result_schema": _both,
    "handlers.options": _both,
}
"""What the fields of JSON hold; a new one has to be told here."""
