"""API keys, by their ids. What is stored of a secret is its digest."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Text, bindparam, case, func, insert, or_, select, tuple_, update

from narad.domain.key import Key
from narad.domain.scopes import Role, Scope
from narad.domain.submission import IdempotencyKey, KeyReused
from narad.store.database import Database
from narad.store.request_keys import MadeBefore, RequestKeys
from narad.store.tables import keys
from narad.store.types import UTCDateTime

_COLUMNS = [keys.c[field.name] for field in dataclasses.fields(Key)]
_now = bindparam("now", type_=UTCDateTime())
_of_key = keys.c.id == bindparam("key_id", type_=Text())
_most = bindparam("most", type_=Integer())

_ANY = select(keys.c.id).limit(_most)
_GET = select(*_COLUMNS).where(_of_key)
_CREDENTIALS = select(*_COLUMNS, keys.c.digest, keys.c.previous_digest).where(_of_key)
_PAGE = (
    select(*_COLUMNS)
    .where(
        tuple_(keys.c.created_at, keys.c.id)
        < tuple_(bindparam("moment", type_=UTCDateTime()), bindparam("key_id", type_=Text()))
    )
    .order_by(keys.c.created_at.desc(), keys.c.id.desc())
    .limit(_most)
)
_REVOKE = (
    update(keys)
    .where(_of_key)
    .values(
        revoked_at=func.coalesce(keys.c.revoked_at, _now),
        previous_digest=None,
        previous_until=None,
    )
    .returning(*_COLUMNS)
)
_until = bindparam("until", type_=UTCDateTime())
_ROTATE = (
    update(keys)
    .where(_of_key, keys.c.revoked_at.is_(None))
    .values(
        previous_digest=keys.c.digest,
        previous_until=case((keys.c.expires_at < _until, keys.c.expires_at), else_=_until),
        digest=bindparam("new_digest", type_=Text()),
        expires_at=bindparam("expires", type_=UTCDateTime()),
    )
    .returning(*_COLUMNS)
)
_TOUCH = (
    update(keys)
    .where(_of_key, or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < bindparam("before", type_=UTCDateTime())))
    .values(last_used_at=_now)
)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key with the digests of the secrets that open it."""

    key: Key
    digest: bytes
    previous_digest: bytes | None


class Keys:
    """Every key that was ever made: a revoked one stays, as what happened with it is known by its id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._request_keys = RequestKeys(database)

    async def any(self) -> bool:
        """Whether there are keys at all, good or not."""
        return bool(await self._database.read(_ANY, {"most": 1}))

    async def add(
        self, key: Key, digest: bytes, request_key: IdempotencyKey | None = None
    ) -> MadeBefore | KeyReused | None:
        """Store a new key; None where that was done, else what the key of the request stands for."""
        row = {field.name: getattr(key, field.name) for field in dataclasses.fields(key)} | {"digest": digest.hex()}
        return await self._request_keys.once(
            request_key, key.id, key.created_at, lambda connection: connection.execute(insert(keys), row)
        )

    async def get(self, key_id: str) -> Key | None:
        """The key, or None where there is none of that id."""
        rows = await self._database.read(_GET, {"key_id": key_id})
        return _key(rows[0]._asdict()) if rows else None

    async def credentials(self, key_id: str) -> Credentials | None:
        """The key with what opens it."""
        rows = await self._database.read(_CREDENTIALS, {"key_id": key_id})
        if not rows:
            return None
        fields = rows[0]._asdict()
        digest, previous = fields.pop("digest"), fields.pop("previous_digest")
        return Credentials(
            key=_key(fields),
            digest=bytes.fromhex(digest),
            previous_digest=None if previous is None else bytes.fromhex(previous),
        )

    async def page(self, most: int, *, after: tuple[datetime, str] | None = None) -> Sequence[Key]:
        """Up to `most` keys, the newest first, those that come after one made at that time with that id."""
        moment, key_id = after or (_LATEST, "")
        rows = await self._database.read(_PAGE, {"moment": moment, "key_id": key_id, "most": most})
        return [_key(row._asdict()) for row in rows]

    async def revoke(self, key_id: str, *, now: datetime) -> Key | None:
        """Make the key good for nothing, for ever; None where there is none of that id."""
        rows = await self._database.run(_REVOKE, {"key_id": key_id, "now": now})
        return _key(rows[0]._asdict()) if rows else None

    async def rotate(self, key_id: str, digest: bytes, *, previous_until: datetime, expires_at: datetime) -> Key | None:
        """Give the key a new secret, and let the one before live on until then; None where there is no good key."""
        parameters = {"key_id": key_id, "new_digest": digest.hex(), "until": previous_until, "expires": expires_at}
        rows = await self._database.run(_ROTATE, parameters)
        return _key(rows[0]._asdict()) if rows else None

    async def touch(self, key_id: str, *, now: datetime, every: timedelta) -> None:
        """Note that the key was used, unless that was noted lately."""
        await self._database.run(_TOUCH, {"key_id": key_id, "now": now, "before": now - every})


def _key(fields: dict[str, Any]) -> Key:
    fields["role"] = None if fields["role"] is None else Role(fields["role"])
    fields["scopes"] = tuple(Scope(scope) for scope in fields["scopes"])
    fields["networks"] = tuple(fields["networks"])
    fields["handlers"] = tuple(fields["handlers"])
    return Key(**fields)
