"""API keys as their holders have them: `nrd_<id>_<secret>_<checksum>`.

The prefix tells scanners for secrets what it is, the underscores let a double click take all of it, and the checksum
finds a typing error without asking anybody. The secret has 190 bits, so its HMAC is as good as a slow hash: there is
nothing to guess, and a slow hash would be an invitation to keep the service busy.
"""

import binascii
import hashlib
import hmac
import re
import secrets
import string

PREFIX = "nrd"
ID_LENGTH = 8
SECRET_LENGTH = 32
CHECK_LENGTH = 6
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(
    rf"(?P<body>{PREFIX}_(?P<id>[0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH}}})_"
    rf"(?P<check>[0-9A-Za-z]{{{CHECK_LENGTH}}})",
    re.ASCII,
)


def new_key_id() -> str:
    """The id of a new key."""
    return _random(ID_LENGTH)


def new_token(key_id: str) -> str:
    """A new token for the key."""
    body = f"{PREFIX}_{key_id}_{_random(SECRET_LENGTH)}"
    return f"{body}_{_checksum(body)}"


def key_id_of(token: str) -> str | None:
    """The id in a token; None where it is no token, or mistyped."""
    found = _FORM.fullmatch(token)
    if found is None or found["check"] != _checksum(found["body"]):
        return None
    return found["id"]


def digest_of(token: bytes, pepper: bytes) -> bytes:
    """What is stored and compared in place of a token."""
    return hmac.digest(pepper, token, hashlib.sha256)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number = binascii.crc32(body.encode())
    digits = []
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
