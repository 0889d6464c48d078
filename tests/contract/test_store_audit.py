"""The audit: what is written comes back, the latest first, and is removed after its time."""

from datetime import timedelta

from narad.ids import first_id_at, new_id
from narad.store.audit import AuditEntry
from narad.store.store import Store
from tests.support.tasks import NOW


def entry(number: int = 0, *, key_id: str | None = "aaaaaaaa", target: str | None = None) -> AuditEntry:
    at = NOW + timedelta(seconds=number)
    return AuditEntry(
        id=first_id_at(at),
        at=at,
        actor="Анна",
        key_id=key_id,
        address="192.0.2.1",
        action="cancelTask",
        target=target,
        filter={"status": ["FAILED"], "n": 1.5},
        count=2**40,
        outcome="done",
        request_id="r-1",
    )


async def test_an_entry_comes_back_as_it_was_written(store: Store) -> None:
    bare = AuditEntry(
        id=new_id(),
        at=NOW,
        actor="anonymous",
        key_id=None,
        address=None,
        action="pauseQueue",
        target=None,
        filter=None,
        count=None,
        outcome="not_found",
        request_id=None,
    )
    full = entry(target="t")
    for one in (full, bare):
        await store.audit.add(one)

    assert sorted(await store.audit.find(10), key=lambda one: one.actor) == sorted(
        [full, bare], key=lambda one: one.actor
    )


async def test_the_latest_come_first_and_pages_go_on_before_an_id(store: Store) -> None:
    written = [entry(number) for number in range(5)]
    for one in written:
        await store.audit.add(one)

    first = await store.audit.find(3)
    rest = await store.audit.find(3, before=first[-1].id)

    assert [*first, *rest] == written[::-1]


async def test_entries_are_found_by_key_and_by_target(store: Store) -> None:
    mine, other, about = entry(0), entry(1, key_id=None), entry(2, key_id="bbbbbbbb", target="task-1")
    for one in (mine, other, about):
        await store.audit.add(one)

    assert await store.audit.find(10, key_id="aaaaaaaa") == [mine]
    assert await store.audit.find(10, target="task-1") == [about]
    assert await store.audit.find(10, key_id="aaaaaaaa", target="task-1") == []


async def test_old_entries_are_removed_a_portion_at_a_time_the_oldest_first(store: Store) -> None:
    written = [entry(number) for number in range(4)]
    for one in written:
        await store.audit.add(one)
    before = NOW + timedelta(seconds=3)

    assert await store.audit.prune(2, before=before) == 2
    assert await store.audit.find(10) == written[:1:-1]
    assert await store.audit.prune(2, before=before) == 1
    assert await store.audit.prune(2, before=before) == 0
    assert await store.audit.find(10) == written[3:]
