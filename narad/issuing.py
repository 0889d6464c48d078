"""Keys are issued: a token is made and shown once, its digest stored."""

from dataclasses import dataclass, field, fields
from datetime import timedelta

from narad.clock import Clock
from narad.domain.key import Grant, Key
from narad.domain.submission import IdempotencyKey, KeyReused
from narad.store.keys import Keys
from narad.store.request_keys import MadeBefore
from narad.tokens import digest_of, new_key_id, new_token


@dataclass(frozen=True, slots=True)
class Issued:
    """A key with its token, which nobody can read again."""

    key: Key
    token: str = field(repr=False)


class Issuer:
    """Makes keys and their secrets, for the API and for the command line."""

    def __init__(self, keys: Keys, pepper: bytes, clock: Clock) -> None:
        self._keys = keys
        self._pepper = pepper
        self._clock = clock

    async def create(self, grant: Grant, *, lifetime: timedelta, created_by: str | None) -> Issued:
        """A new key."""
        issued = await self.create_once(grant, None, lifetime=lifetime, created_by=created_by)
        if not isinstance(issued, Issued):
            raise TypeError(issued)  # what has no idempotency key was never asked for before
        return issued

    async def create_once(
        self, grant: Grant, request_key: IdempotencyKey | None, *, lifetime: timedelta, created_by: str | None
    ) -> Issued | MadeBefore | KeyReused:
        """A new key, unless the same request made one before: its secret is known to nobody here."""
        now = self._clock.now()
        granted = {one.name: getattr(grant, one.name) for one in fields(Grant)}
        key = Key(**granted, id=new_key_id(), created_at=now, created_by=created_by, expires_at=now + lifetime)
        token = new_token(key.id)
        return await self._keys.add(key, self._digest(token), request_key) or Issued(key, token)

    async def rotate(self, key_id: str, *, lifetime: timedelta, overlap: timedelta) -> Issued | None:
        """A new secret for a key; the one before goes on for `overlap`. None where there is no good key."""
        now = self._clock.now()
        token = new_token(key_id)
        key = await self._keys.rotate(
            key_id, self._digest(token), previous_until=now + overlap, expires_at=now + lifetime
        )
        return None if key is None else Issued(key, token)

    def _digest(self, token: str) -> bytes:
        return digest_of(token.encode(), self._pepper)
