"""X-Request-ID: what a client calls its request, or what we call it, is in the answer, in problems and in the log.

It is not a context variable: a batch that several requests share would be logged under the id of one of them.
"""

import re
from typing import Final

from starlette.types import Scope

from narad.ids import new_id

HEADER: Final = b"x-request-id"
_FORM = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


def name(scope: Scope) -> bytes:
    """Give the request of this scope its id."""
    request_id: bytes = next((value for name, value in scope["headers"] if name == HEADER), b"")
    if not _FORM.fullmatch(request_id):
        request_id = str(new_id()).encode()
    scope.setdefault("state", {})["request_id"] = request_id.decode()
    return request_id


def request_id_of(scope: Scope) -> str | None:
    """The id of the request of this scope; None where no layer gave it one."""
    state = scope.get("state") or {}
    found: str | None = state.get("request_id")
    return found
