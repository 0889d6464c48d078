"""The keys that the API has met, kept for a moment; and whether it asks for keys at all."""

import asyncio
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from typing_extensions import override

from narad.api.caller import Caller, caller_with
from narad.clock import Clock
from narad.domain.key import KeyState
from narad.errors import StoreUnavailableError
from narad.service import Service
from narad.store.keys import Credentials, Keys
from narad.tokens import digest_of, key_id_of

log = structlog.get_logger(__name__)

FRESH_SECONDS = 25.0
REFRESH_SECONDS = 4.0
"""While one request looks a key up again, the others go on with what is known; together it stays below 30 s."""
UNKNOWN_SECONDS = 10.0
MOST_KNOWN = 10_000
MOST_UNKNOWN = 10_000
WATCH_SECONDS = 10.0
NOTE_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a token opens nothing."""

    reason: str


NO_TOKEN = Refused("This is no API key, or it is mistyped: its checksum does not fit. Copy it once more, whole.")
UNKNOWN = Refused("This API key is not known here. narad keys list shows those that are.")
OUTLIVED = Refused("This API key was rotated, and the time of its old secret is over; use the new one.")
REVOKED = Refused("This API key was revoked; ask for another one.")


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    key_id: str
    until: float
    refreshing: bool = False


class KeyRing(Service):
    """From tokens to callers.

    A valid key is looked up at most every 30 s, so a revocation acts within that time, also in other processes. Unknown
    ones are remembered shortly, and only so many: who tries keys costs queries, not memory.
    """

    def __init__(self, keys: Keys, pepper: bytes, clock: Clock, *, locked: bool, lockable: bool = True) -> None:
        """`locked`: requests need a key. `lockable`: they will, once the first key exists."""
        super().__init__()
        self.locked = locked
        self._lockable = lockable
        self._keys = keys
        self._pepper = pepper
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._unknown: dict[bytes, tuple[float, Refused]] = {}
        self._used: set[str] = set()
        self._noted: dict[str, float] = {}

    @override
    async def start(self) -> None:
        self._spawn(self._watch())

    def lock(self) -> None:
        """There is a key now: ask for one from here on."""
        if self._lockable and not self.locked:
            self.locked = True
            log.info("api.locked", reason="the first key was created")

    def forget(self, key_id: str) -> None:
        """Look the key up anew when it comes next."""
        for digest in [digest for digest, known in self._known.items() if known.key_id == key_id]:
            del self._known[digest]

    def kept(self, token: bytes) -> Caller | Refused | None:
        """Who holds the token, or that nobody does, as far as that is still known."""
        digest = digest_of(token, self._pepper)
        now = self._clock.monotonic()
        known = self._known.get(digest)
        if known is None:
            until, refused = self._unknown.get(digest, (now, UNKNOWN))
            return refused if now < until else None
        if now >= known.until:
            if known.refreshing or now >= known.until + REFRESH_SECONDS:
                del self._known[digest]
            else:
                self._known[digest] = replace(known, until=known.until + REFRESH_SECONDS, refreshing=True)
            return None
        self._used.add(known.key_id)
        return known.caller

    async def look_up(self, token: bytes) -> Caller | Refused:
        """Who holds the token, as the store knows it.

        Raises:
            StoreUnavailableError: it does not answer.
        """
        key_id = key_id_of(token.decode("latin-1"))
        if key_id is None:
            return NO_TOKEN
        digest = digest_of(token, self._pepper)
        found = await self._keys.credentials(key_id)
        now = self._clock.now()
        if found is None:
            return self._refuse(digest, UNKNOWN)
        end = end_of(found, digest, now)
        if isinstance(end, Refused):
            return self._refuse(digest, end)
        caller = caller_with(found.key)
        fresh = min(FRESH_SECONDS, (end - now).total_seconds())
        if digest not in self._known and len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        # At the end of a key no request goes on with it while another one looks it up.
        self._known[digest] = _Known(
            caller, found.key.id, self._clock.monotonic() + fresh, refreshing=fresh < FRESH_SECONDS
        )
        self._used.add(found.key.id)
        return caller

    def note_use(self, key_id: str) -> None:
        """Note that the key was used by another way than its token."""
        self._used.add(key_id)

    def _refuse(self, digest: bytes, refused: Refused) -> Refused:
        self._known.pop(digest, None)
        if digest not in self._unknown and len(self._unknown) >= MOST_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[digest] = (self._clock.monotonic() + UNKNOWN_SECONDS, refused)
        return refused

    async def _watch(self) -> None:
        while True:
            try:
                await self.refresh()
            except StoreUnavailableError as error:
                log.warning("keyring.store_unavailable", reason=str(error))
            await asyncio.sleep(WATCH_SECONDS)

    async def refresh(self) -> None:
        """See whether keys exist by now, and note which ones were used."""
        if self._lockable and not self.locked and await self._keys.any():
            self.lock()
        now = self._clock.monotonic()
        for key_id in list(self._used):
            if now - self._noted.get(key_id, -NOTE_EVERY.total_seconds()) >= NOTE_EVERY.total_seconds():
                await self._keys.touch(key_id, now=self._clock.now(), every=NOTE_EVERY)
                self._noted[key_id] = now
            self._used.discard(key_id)


def end_of(found: Credentials, digest: bytes, now: datetime) -> datetime | Refused:
    """How long the secret behind the digest opens the key, or why it does not."""
    key = found.key
    end = key.expires_at
    if not hmac.compare_digest(digest, found.digest):
        if found.previous_digest is None or not hmac.compare_digest(digest, found.previous_digest):
            return UNKNOWN
        end = min(end, key.previous_until or now)
        if now >= end:
            return OUTLIVED
    match key.state(now):
        case KeyState.REVOKED:
            return REVOKED
        case KeyState.EXPIRED:
            return Refused(f"This API key expired on {key.expires_at:%Y-%m-%d}; rotate it, or ask for another one.")
        case KeyState.ACTIVE:
            return end
