"""Tokens in forms: only a page that this reader opened has one. Bound to the visitor's cookie and to the session."""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from fastapi import Request

from narad.dashboard.desk import desk_of
from narad.dashboard.sessions import COOKIE as SESSION

PURPOSE: Final = "dashboard-forms"
FIELD: Final = "_token"
VISITOR: Final = "narad_visitor"
_STATE: Final = "visitor"
_BYTES = 18


def visitor_of(request: Request) -> tuple[str, bool]:
    """A random word for this browser, and whether it is new, so that the answer has to set the cookie."""
    known = request.cookies.get(VISITOR)
    if known:
        return known, False
    made: str | None = getattr(request.state, _STATE, None)
    if made is None:
        made = secrets.token_urlsafe(_BYTES)
        setattr(request.state, _STATE, made)
    return made, True


def token_for(request: Request) -> str:
    """The token for the forms of a page."""
    visitor, _ = visitor_of(request)
    return _token(request, visitor)


def fits(request: Request, given: str) -> bool:
    """Whether the token is one of a page that this reader opened."""
    visitor = request.cookies.get(VISITOR, "")
    return bool(visitor) and hmac.compare_digest(_token(request, visitor).encode(), given.encode())


def _token(request: Request, visitor: str) -> str:
    signed = f"{visitor}\n{request.cookies.get(SESSION, '')}".encode()
    digest = hmac.digest(desk_of(request).forms, signed, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
