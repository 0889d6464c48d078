"""The client that blocks and the one on a loop have the same names, which take the same arguments."""

import inspect
from collections.abc import Iterator

import pytest

from narad.client import (
    async_bulk,
    async_client,
    async_fleet,
    async_task,
    async_tasks,
    bulk,
    client,
    fleet,
    task,
    tasks,
)

PAIRS: list[tuple[type, type]] = [
    (client.Client, async_client.AsyncClient),
    (tasks.Tasks, async_tasks.AsyncTasks),
    (task.Task, async_task.AsyncTask),
    (task.Page, async_task.AsyncPage),
    (bulk.Bulk, async_bulk.AsyncBulk),
    (bulk.BulkOperation, async_bulk.AsyncBulkOperation),
    *((getattr(fleet, name), getattr(async_fleet, f"Async{name}")) for name in ("Handlers", "Queues", "Workers")),
    *((getattr(fleet, name), getattr(async_fleet, f"Async{name}")) for name in ("Keys", "Audit")),
]
IN_BOTH = {"events", "stream", "iter", "with_options", "base_url", "is_final"}
"""What is not awaited in either: it gives an iterator, or asks nothing."""


def public(kind: type) -> Iterator[tuple[str, object]]:
    return ((name, member) for name, member in inspect.getmembers(kind) if not name.startswith("_"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_twins_have_the_same_names_and_take_the_same(pair: tuple[type, type]) -> None:
    blocking, on_loop = (dict(public(kind)) for kind in pair)

    assert set(blocking) == set(on_loop)
    for name, member in blocking.items():
        if callable(member):
            other = on_loop[name]
            assert callable(other)
            assert list(inspect.signature(member).parameters) == list(inspect.signature(other).parameters), name
            assert inspect.getdoc(member) == inspect.getdoc(other), name
            assert inspect.iscoroutinefunction(other) or name in IN_BOTH, name
