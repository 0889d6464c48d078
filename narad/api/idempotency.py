"""The Idempotency-Key of a request: sent again, it stands for the same request (draft-ietf-httpapi-idempotency-key)."""

import hashlib
import json
import re
from uuid import UUID

from fastapi import Request

from narad.api import problems
from narad.api.caller import caller_of
from narad.api.problems import FieldError, Problem
from narad.domain.submission import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_FORM = re.compile(r"[\x21-\x7e]{1,255}")

PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat: the same key and body within 24 hours create nothing again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}
"""The header in the OpenAPI document."""


async def key_of(request: Request) -> IdempotencyKey | None:
    """The key of the request, with a fingerprint of its body; None where it has none.

    Raises:
        Problem: the key is not 1 to 255 visible ASCII characters.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    # The draft has it in quotes, as a structured field; most clients send it bare.
    key = given[1:-1] if len(given) > 1 and given.startswith('"') and given.endswith('"') else given
    if not _FORM.fullmatch(key):
        error = FieldError(detail="must be 1 to 255 visible ASCII characters", code="pattern", header=HEADER)
        raise Problem(problems.VALIDATION_ERROR, f"The {HEADER} is not valid.", errors=[error])
    scope = json.dumps([caller_of(request).key_id or "", request.method, request.url.path, key])
    digest = hashlib.sha256(scope.encode()).digest()[:16]
    return IdempotencyKey(digest=UUID(bytes=digest), fingerprint=_fingerprint(await request.body()))


def key_of_item(key: IdempotencyKey, index: int, item: object) -> IdempotencyKey:
    """The key that an item of a batch has by that of the request, where each item counts for itself."""
    digest = hashlib.sha256(key.digest.bytes + str(index).encode()).digest()[:16]
    return IdempotencyKey(digest=UUID(bytes=digest), fingerprint=_hash(item))


def reused() -> Problem:
    """The problem of a key that came with another body before."""
    error = FieldError(detail="came with another body before", code="reused", header=HEADER)
    return Problem(problems.IDEMPOTENCY_KEY_REUSED, "A key stands for one request. Take a new one.", errors=[error])


def _fingerprint(body: bytes) -> str:
    """The same for bodies that say the same, however they are spaced and ordered."""
    if not body:
        return ""
    return _hash(json.loads(body))


def _hash(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
