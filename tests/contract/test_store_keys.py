"""Keys are kept with their digests, never with their secrets, and every change of one is complete at once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from narad.clock import ManualClock
from narad.domain.key import Grant, Key, KeyState
from narad.domain.scopes import Role, Scope
from narad.domain.submission import IdempotencyKey, KeyReused
from narad.ids import new_id
from narad.issuing import Issued, Issuer
from narad.store.request_keys import MadeBefore
from narad.store.store import Store
from narad.store.tables import keys
from narad.tokens import digest_of
from tests.support.tasks import NOW

DAY = timedelta(days=1)
PEPPER = b"p" * 32
GRANT = Grant(
    name="Ключ 🎉",
    owner="Ann",
    role=Role.VIEWER,
    scopes=(Scope.TASKS_WRITE, Scope.TASKS_CANCEL),
    networks=("10.0.0.0/8",),
    handlers=("demo.echo",),
    rate_limit="5/minute",
)


async def issue(store: Store, grant: Grant = GRANT, *, at: datetime = NOW, days: int = 90) -> Issued:
    issuer = Issuer(store.keys, PEPPER, ManualClock(at))
    return await issuer.create(grant, lifetime=days * DAY, created_by="someone")


def digest(issued: Issued) -> bytes:
    return digest_of(issued.token.encode(), PEPPER)


async def test_a_key_comes_back_as_it_was_made(store: Store) -> None:
    issued = await issue(store)

    found = await store.keys.get(issued.key.id)

    assert found == issued.key
    assert found is not None
    assert found.created_by == "someone"
    assert found.expires_at == NOW + 90 * DAY
    assert found.effective == GRANT.effective


async def test_there_are_keys_from_the_first_one_on_also_when_it_is_revoked(store: Store) -> None:
    assert not await store.keys.any()

    issued = await issue(store)
    assert await store.keys.any()

    await store.keys.revoke(issued.key.id, now=NOW)
    assert await store.keys.any()


async def test_neither_a_secret_nor_any_part_of_it_is_stored(store: Store) -> None:
    issued = await issue(store)
    secret = issued.token.split("_")[2]

    rows = await store.database.read(select(*keys.c))

    assert issued.key.id in str(rows)
    assert secret not in str(rows)
    assert secret not in repr(issued)
    assert issued.token.rpartition("_")[2] not in str(rows)


async def test_the_digest_is_that_of_the_token(store: Store) -> None:
    issued = await issue(store)

    found = await store.keys.credentials(issued.key.id)

    assert found is not None
    assert (found.key, found.digest, found.previous_digest) == (issued.key, digest(issued), None)


async def test_an_unknown_key_is_none(store: Store) -> None:
    assert await store.keys.get("aaaaaaaa") is None
    assert await store.keys.credentials("aaaaaaaa") is None
    assert await store.keys.revoke("aaaaaaaa", now=NOW) is None
    assert await store.keys.rotate("aaaaaaaa", b"x", previous_until=NOW, expires_at=NOW) is None


async def test_a_revoked_key_stays_revoked_since_the_first_time(store: Store) -> None:
    issued = await issue(store)

    first = await store.keys.revoke(issued.key.id, now=NOW)
    again = await store.keys.revoke(issued.key.id, now=NOW + DAY)

    assert first == again == replace(issued.key, revoked_at=NOW)
    assert first is not None
    assert first.state(NOW) is KeyState.REVOKED
    assert await Issuer(store.keys, PEPPER, ManualClock(NOW)).rotate(issued.key.id, lifetime=DAY, overlap=DAY) is None


async def test_rotation_keeps_the_secret_before_and_not_the_one_before_that(store: Store) -> None:
    first = await issue(store)
    issuer = Issuer(store.keys, PEPPER, ManualClock(NOW + DAY))

    second = await issuer.rotate(first.key.id, lifetime=30 * DAY, overlap=timedelta(hours=1))

    assert second is not None
    assert second.key.expires_at == NOW + 31 * DAY
    assert second.key.previous_until == NOW + DAY + timedelta(hours=1)
    found = await store.keys.credentials(first.key.id)
    assert found is not None
    assert (found.digest, found.previous_digest) == (digest(second), digest(first))

    third = await issuer.rotate(first.key.id, lifetime=30 * DAY, overlap=timedelta(hours=1))

    assert third is not None
    found = await store.keys.credentials(first.key.id)
    assert found is not None
    assert (found.digest, found.previous_digest) == (digest(third), digest(second))


async def test_rotation_does_not_prolong_the_secret_before(store: Store) -> None:
    issued = await issue(store, days=1)

    rotated = await Issuer(store.keys, PEPPER, ManualClock(NOW)).rotate(
        issued.key.id, lifetime=90 * DAY, overlap=7 * DAY
    )

    assert rotated is not None
    assert rotated.key.previous_until == NOW + DAY


async def test_a_revoked_key_forgets_the_secret_before_its_rotation(store: Store) -> None:
    issued = await issue(store)
    await Issuer(store.keys, PEPPER, ManualClock(NOW)).rotate(issued.key.id, lifetime=DAY, overlap=DAY)

    await store.keys.revoke(issued.key.id, now=NOW)

    found = await store.keys.credentials(issued.key.id)
    assert found is not None
    assert found.previous_digest is None
    assert found.key.previous_until is None


async def test_use_is_noted_at_most_so_often(store: Store) -> None:
    issued = await issue(store)

    async def used() -> datetime | None:
        found = await store.keys.get(issued.key.id)
        assert found is not None
        return found.last_used_at

    every = timedelta(minutes=5)
    for minutes, noted in ((0, 0), (4, 0), (6, 6), (7, 6)):
        await store.keys.touch(issued.key.id, now=NOW + timedelta(minutes=minutes), every=every)
        assert await used() == NOW + timedelta(minutes=noted)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_pages_show_every_key_once_and_the_newest_first(store: Store, size: int) -> None:
    made = [(await issue(store, at=NOW + timedelta(seconds=number // 3))).key for number in range(7)]

    seen: list[Key] = []
    while page := await store.keys.page(size, after=(seen[-1].created_at, seen[-1].id) if seen else None):
        assert len(page) <= size
        seen += page

    assert sorted(key.id for key in seen) == sorted(key.id for key in made)
    assert [key.created_at for key in seen] == sorted((key.created_at for key in made), reverse=True)


@pytest.mark.parametrize(("days", "state"), [(89, KeyState.ACTIVE), (90, KeyState.EXPIRED), (91, KeyState.EXPIRED)])
async def test_a_key_expires(store: Store, days: int, state: KeyState) -> None:
    issued = await issue(store)

    assert issued.key.state(NOW + days * DAY) is state


async def test_a_key_that_is_asked_for_twice_under_one_idempotency_key_is_one(store: Store) -> None:
    issuer = Issuer(store.keys, PEPPER, ManualClock(NOW))
    request_key = IdempotencyKey(digest=new_id(), fingerprint="a")

    first = await issuer.create_once(GRANT, request_key, lifetime=DAY, created_by=None)
    again = await issuer.create_once(GRANT, request_key, lifetime=DAY, created_by=None)
    other = await issuer.create_once(GRANT, replace(request_key, fingerprint="b"), lifetime=DAY, created_by=None)

    assert isinstance(first, Issued)
    assert (again, other) == (MadeBefore((first.key.id,)), KeyReused())
    assert [key.id for key in await store.keys.page(10)] == [first.key.id]
