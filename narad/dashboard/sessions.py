"""Sessions: a cookie that stands for an API key, and says nothing of it.

The cookie names the key and when it was shown, signed together with the digest of the key's secret. So it ends with the
key: revoked, expired or rotated, it opens nothing within 30 s, and nothing has to be kept for it.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from narad.api.caller import Caller, caller_with
from narad.api.keyring import FRESH_SECONDS, KeyRing, Refused, end_of
from narad.clock import Clock
from narad.store.keys import Credentials, Keys

PURPOSE: Final = "dashboard-sessions"
COOKIE: Final = "narad_session"
MOST_KNOWN = 10_000
_PARTS = 3
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    key_id: str
    until: float


class Sessions:
    """From cookies to callers."""

    def __init__(self, keys: Keys, ring: KeyRing, secret: bytes, clock: Clock, *, seconds: float) -> None:
        """A session ends after `seconds`."""
        self._keys = keys
        self._ring = ring
        self._secret = secret
        self._clock = clock
        self._length = timedelta(seconds=seconds)
        self._known: dict[str, _Known] = {}

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return int(self._length.total_seconds())

    def open(self, key_id: str, digest: bytes) -> str:
        """The cookie for a key that was just shown."""
        issued = str(int(self._clock.now().timestamp()))
        return f"{key_id}.{issued}.{self._signature(key_id, issued, digest)}"

    async def caller(self, cookie: str) -> Caller | None:
        """Who the cookie stands for; None where it stands for nobody any more.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        now = self._clock.monotonic()
        known = self._known.get(cookie)
        if known is None or now >= known.until:
            self._known.pop(cookie, None)
            known = await self._look_up(cookie)
            if known is None:
                return None
            if len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[cookie] = known
        self._ring.note_use(known.key_id)
        return known.caller

    def close(self, cookie: str) -> None:
        """Forget a session that was left."""
        self._known.pop(cookie, None)

    async def _look_up(self, cookie: str) -> _Known | None:
        parts = cookie.split(".")
        if len(cookie) > _LONGEST or len(parts) != _PARTS or not parts[1].isdecimal():
            return None
        key_id, issued, signature = parts
        now = self._clock.now()
        ends = _moment(int(issued)) + self._length
        if now >= ends:
            return None
        found = await self._keys.credentials(key_id)
        digest = None if found is None else self._digest(found, issued, signature)
        if found is None or digest is None:
            return None
        end = end_of(found, digest, now)
        if isinstance(end, Refused):
            return None
        fresh = min(FRESH_SECONDS, (min(end, ends) - now).total_seconds())
        return _Known(caller_with(found.key), key_id, self._clock.monotonic() + fresh)

    def _digest(self, found: Credentials, issued: str, signature: str) -> bytes | None:
        """The digest of the secret that opened the session, where the key still has it."""
        for digest in (found.digest, found.previous_digest):
            if digest is not None and hmac.compare_digest(
                self._signature(found.key.id, issued, digest).encode(), signature.encode()
            ):
                return digest
        return None

    def _signature(self, key_id: str, issued: str, digest: bytes) -> str:
        signed = hmac.digest(self._secret, f"{key_id}.{issued}.".encode() + digest, hashlib.sha256)
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
