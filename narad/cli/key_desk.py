"""What `narad keys` does with the database; loaded with the libraries of the server, so only when it is done."""

import getpass
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from narad.api.keys_schemas import IssuedKeyView, KeyCreate, KeyRotate, KeyView
from narad.clock import Clock, SystemClock
from narad.domain.key import Key
from narad.errors import ConfigurationError
from narad.ids import new_id
from narad.issuing import Issued, Issuer
from narad.opening import open_secrets, open_store
from narad.secrets import KEYS
from narad.settings import Settings
from narad.store import schema
from narad.store.audit import AuditEntry
from narad.store.store import Store

_DONE = "done"
_PAGE = 200

Shown = dict[str, Any]
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class KeyDesk:
    """Makes, shows and revokes keys; every change leaves a row in the audit, under the name of the system's user."""

    def __init__(self, store: Store, issuer: Issuer, clock: Clock) -> None:
        self._store = store
        self._issuer = issuer
        self._clock = clock
        self._actor = f"cli:{_user()}"

    async def create(self, given: Mapping[str, Any]) -> Shown:
        """Make a key."""
        wanted = _checked(KeyCreate, given)
        issued = await self._issuer.create(wanted.grant(), lifetime=wanted.lifetime, created_by=self._actor)
        await self._keep("createKey", issued.key.id)
        return self._issued(issued)

    async def all(self) -> list[Shown]:
        """Every key, the newest first."""
        found: list[Key] = []
        while page := await self._store.keys.page(_PAGE, after=(found[-1].created_at, found[-1].id) if found else None):
            found += page
        return [self._shown(key) for key in found]

    async def show(self, key_id: str) -> Shown | None:
        """One key."""
        key = await self._store.keys.get(key_id)
        return None if key is None else self._shown(key)

    async def revoke(self, key_id: str) -> Shown | None:
        """Revoke a key."""
        key = await self._store.keys.revoke(key_id, now=self._clock.now())
        if key is None:
            return None
        await self._keep("revokeKey", key_id)
        return self._shown(key)

    async def rotate(self, key_id: str, given: Mapping[str, Any]) -> Shown | None:
        """Give a key another secret."""
        wanted = _checked(KeyRotate, given)
        issued = await self._issuer.rotate(
            key_id,
            lifetime=timedelta(days=wanted.expires_in_days),
            overlap=timedelta(seconds=wanted.overlap_seconds),
        )
        if issued is None:
            return None
        await self._keep("rotateKey", key_id)
        return self._issued(issued)

    def _shown(self, key: Key) -> Shown:
        return KeyView.of(key, self._clock.now()).model_dump(mode="json")

    def _issued(self, issued: Issued) -> Shown:
        return IssuedKeyView.of_issued(issued, self._clock.now()).model_dump(mode="json")

    async def _keep(self, action: str, target: str) -> None:
        entry = AuditEntry(
            id=new_id(),
            at=self._clock.now(),
            actor=self._actor,
            key_id=None,
            address=None,
            action=action,
            target=target,
            filter=None,
            count=None,
            outcome=_DONE,
            request_id=None,
        )
        await self._store.audit.add(entry)


async def at_desk(settings: Settings, work: Callable[[KeyDesk], Coroutine[None, None, T]]) -> T:
    """Do something with keys, on the database of the settings.

    Raises:
        ConfigurationError: what was asked for is not valid; the text names the option.
        SchemaOutdatedError: the database is not at the version of this code.
        StoreUnavailableError: it cannot be reached.
    """
    store = open_store(settings, pool_size=2)
    try:
        await schema.check(store.database)
        secrets = await open_secrets(settings, store)
        clock = SystemClock()
        return await work(KeyDesk(store, Issuer(store.keys, secrets.derive(KEYS), clock), clock))
    finally:
        await store.database.close()


_OPTIONS = {"scopes": "--scope", "networks": "--network", "handlers": "--handler", "name": "NAME"}


def _checked(model: type[M], given: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise ConfigurationError("; ".join(f"{_option(one['loc'])}{_words(one['msg'])}" for one in found)) from None


def _option(place: tuple[int | str, ...]) -> str:
    if not place:
        return ""
    field = str(place[0])
    return f"{_OPTIONS.get(field, '--' + field.replace('_', '-'))}: "


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"
