"""Signatures, by which a receiver tells that a request comes from this installation and was not changed or kept."""

import hashlib
import hmac


def signature_of(body: bytes, key: str, at: int) -> str:
    """The value of `Narad-Signature`: the time, and an HMAC-SHA256 over it, a dot, and the body."""
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
