"""Secrets: every key that the service signs or hashes with comes from one, which the installation makes or is given."""

import hashlib
import hmac
from dataclasses import dataclass, field

KEY_BYTES = 32
KEYS = "keys"
"""Purpose of the pepper under which API keys are hashed."""
CALLS = "calls"
"""Purpose of the key that signs what handlers send by HTTP."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys derived from the secret of an installation."""

    _root: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """The key for one purpose, 32 bytes; what signs one thing tells nothing of what signs another."""
        return hmac.digest(self._root, f"narad/{purpose}".encode(), hashlib.sha256)
