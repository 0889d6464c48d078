"""The key ring on a real store: what it remembers, for how long, and that its memory is bounded."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Connection

from narad.api import keyring as module
from narad.api.caller import Caller
from narad.api.keyring import NO_TOKEN, OUTLIVED, REVOKED, UNKNOWN, KeyRing, Refused
from narad.clock import ManualClock
from narad.domain.key import Grant
from narad.domain.scopes import Role, Scope
from narad.issuing import Issued, Issuer
from narad.store.store import Store
from narad.tokens import new_key_id, new_token
from tests.support.stores import opened
from tests.support.tasks import NOW

DAY = timedelta(days=1)
PEPPER = b"p" * 32


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def issuer(store: Store, clock: ManualClock) -> Issuer:
    return Issuer(store.keys, PEPPER, clock)


@pytest.fixture
def ring(store: Store, clock: ManualClock) -> KeyRing:
    return KeyRing(store.keys, PEPPER, clock, locked=True)


async def issue(issuer: Issuer, *, lifetime: timedelta = 90 * DAY) -> Issued:
    return await issuer.create(Grant(name="key", role=Role.VIEWER), lifetime=lifetime, created_by=None)


async def asked(ring: KeyRing, token: str) -> Caller | Refused:
    """What a request with the token would get."""
    return ring.kept(token.encode()) or await ring.look_up(token.encode())


async def test_a_key_opens_what_it_was_granted_and_is_then_kept(ring: KeyRing, issuer: Issuer) -> None:
    issued = await issue(issuer)
    assert ring.kept(issued.token.encode()) is None

    caller = await asked(ring, issued.token)

    assert isinstance(caller, Caller)
    assert caller.key_id == issued.key.id
    assert Scope.TASKS_READ in caller.scopes
    assert Scope.TASKS_WRITE not in caller.scopes
    assert ring.kept(issued.token.encode()) is caller


async def test_a_revocation_by_another_process_acts_within_30_seconds(
    ring: KeyRing, issuer: Issuer, store: Store, clock: ManualClock
) -> None:
    issued = await issue(issuer)
    await asked(ring, issued.token)
    await store.keys.revoke(issued.key.id, now=NOW)
    assert isinstance(await asked(ring, issued.token), Caller)

    # While one request looks it up again, others go on with what is known, but not beyond the limit.
    clock.advance(timedelta(seconds=29))
    assert ring.kept(issued.token.encode()) is None
    clock.advance(timedelta(seconds=1))
    assert ring.kept(issued.token.encode()) is None

    assert await asked(ring, issued.token) == REVOKED


async def test_while_a_key_is_looked_up_again_other_requests_go_on(
    ring: KeyRing, issuer: Issuer, clock: ManualClock
) -> None:
    issued = await issue(issuer)
    caller = await asked(ring, issued.token)

    clock.advance(timedelta(seconds=26))

    assert ring.kept(issued.token.encode()) is None
    assert [ring.kept(issued.token.encode()) for _ in range(3)] == [caller] * 3


async def test_a_forgotten_key_is_looked_up_at_once(ring: KeyRing, issuer: Issuer, store: Store) -> None:
    issued = await issue(issuer)
    await asked(ring, issued.token)
    await store.keys.revoke(issued.key.id, now=NOW)

    ring.forget(issued.key.id)

    assert await asked(ring, issued.token) == REVOKED


async def test_a_key_that_expires_opens_nothing_from_that_moment_on(
    ring: KeyRing, issuer: Issuer, clock: ManualClock
) -> None:
    issued = await issue(issuer, lifetime=timedelta(seconds=10))
    assert isinstance(await asked(ring, issued.token), Caller)

    clock.advance(timedelta(seconds=9.9))
    assert isinstance(await asked(ring, issued.token), Caller)
    clock.advance(timedelta(seconds=0.1))

    for _ in range(2):
        refused = await asked(ring, issued.token)
        assert isinstance(refused, Refused)
        assert "expired on 2026-05-04" in refused.reason


async def test_both_secrets_of_a_rotated_key_are_good_until_the_overlap_ends(
    ring: KeyRing, issuer: Issuer, clock: ManualClock
) -> None:
    first = await issue(issuer)
    await asked(ring, first.token)
    second = await issuer.rotate(first.key.id, lifetime=90 * DAY, overlap=timedelta(seconds=20))
    assert second is not None
    ring.forget(first.key.id)

    for issued in (first, second):
        caller = await asked(ring, issued.token)
        assert isinstance(caller, Caller)
        assert caller.key_id == first.key.id
    clock.advance(timedelta(seconds=20))

    assert await asked(ring, first.token) == OUTLIVED
    assert isinstance(await asked(ring, second.token), Caller)


async def test_the_key_of_another_installation_is_unknown(ring: KeyRing, store: Store, clock: ManualClock) -> None:
    issued = await issue(Issuer(store.keys, b"o" * 32, clock))

    assert await asked(ring, issued.token) == UNKNOWN


async def test_a_made_up_secret_for_an_id_that_exists_is_unknown(ring: KeyRing, issuer: Issuer) -> None:
    issued = await issue(issuer)

    assert await asked(ring, new_token(issued.key.id)) == UNKNOWN


async def test_typing_errors_ask_the_store_nothing_and_leave_no_trace(sqlite_url: str, clock: ManualClock) -> None:
    statements: list[str] = []

    def count(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    async with opened(sqlite_url) as store:
        event.listen(store.database._reader.sync_engine, "before_cursor_execute", count)  # noqa: SLF001 - no other way
        ring = KeyRing(store.keys, PEPPER, clock, locked=True)
        token = new_token("abcdefgh")

        for number in range(100):
            wrong = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}" if number % 2 else f"nonsense{number}"
            assert await asked(ring, wrong) == NO_TOKEN
        assert not statements

        for _ in range(100):
            assert await asked(ring, token) == UNKNOWN
        assert len(statements) == 1


async def test_who_tries_keys_by_the_thousand_fills_no_memory_and_drives_out_no_valid_key(
    ring: KeyRing, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_UNKNOWN", 50)
    issued = await issue(issuer)
    caller = await asked(ring, issued.token)

    for _ in range(500):
        assert await asked(ring, new_token(new_key_id())) == UNKNOWN

    assert len(ring._unknown) == 50  # noqa: SLF001 - nothing else shows it
    assert ring.kept(issued.token.encode()) is caller


async def test_valid_keys_are_kept_up_to_a_number(
    ring: KeyRing, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 5)

    for _ in range(12):
        assert isinstance(await asked(ring, (await issue(issuer)).token), Caller)

    assert len(ring._known) == 5  # noqa: SLF001 - nothing else shows it


async def test_an_unknown_key_is_looked_up_again_after_a_while(store: Store, ring: KeyRing, clock: ManualClock) -> None:
    token = new_token(new_key_id())
    assert await asked(ring, token) == UNKNOWN

    clock.advance(timedelta(seconds=10))

    assert ring.kept(token.encode()) is None


async def test_use_is_noted_without_a_request_waiting_for_it_and_every_five_minutes(
    ring: KeyRing, issuer: Issuer, store: Store, clock: ManualClock
) -> None:
    issued = await issue(issuer)

    async def used_after(minutes: float) -> float | None:
        """When the key was used last by what is stored, in minutes from NOW, after a request so long after NOW."""
        clock.advance(NOW + timedelta(minutes=minutes) - clock.now())
        await asked(ring, issued.token)
        await ring.refresh()
        found = await store.keys.get(issued.key.id)
        assert found is not None
        return None if found.last_used_at is None else (found.last_used_at - NOW) / timedelta(minutes=1)

    assert [await used_after(minutes) for minutes in (0, 1, 4.9, 5.1, 6)] == [0, 0, 0, 5.1, 5.1]


async def test_an_open_service_asks_for_keys_once_the_first_one_exists(store: Store, issuer: Issuer) -> None:
    ring = KeyRing(store.keys, PEPPER, ManualClock(NOW), locked=False)
    await ring.refresh()
    assert not ring.locked

    await issue(issuer)
    await ring.refresh()

    assert ring.locked


async def test_a_service_that_is_to_stay_open_does(store: Store, issuer: Issuer) -> None:
    ring = KeyRing(store.keys, PEPPER, ManualClock(NOW), locked=False, lockable=False)
    await issue(issuer)

    await ring.refresh()
    ring.lock()

    assert not ring.locked
