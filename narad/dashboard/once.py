"""Forms that are safe to send twice: each carries a word made with its page, which is an idempotency key."""

import hashlib
import json
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from narad.api.caller import Caller
from narad.domain.submission import IdempotencyKey

FIELD: Final = "once"


def key_of(path: str, word: str, body: BaseModel, caller: Caller) -> IdempotencyKey:
    """The key of a form that stands at the path and was filled in to this body."""
    scope = json.dumps([caller.key_id or "", path, word])
    digest = hashlib.sha256(scope.encode()).digest()[:16]
    fingerprint = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    return IdempotencyKey(digest=UUID(bytes=digest), fingerprint=fingerprint)
