"""What a request is called: by its id, and by the trace of its sender (W3C Trace Context).

Both stand in problems and in the log. A trace is looked for only where it is told: no other request pays for it.
"""

import re

from starlette.types import Scope

from narad.api.request_id import request_id_of

_HEADER = b"traceparent"
_FORM = re.compile(
    rb"(?:00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    rb"|(?!00|ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)"
)
"""Of version 00 as a whole, of later ones what they begin with."""


def trace_id_of(scope: Scope) -> str | None:
    """The id of the trace that the request of this scope belongs to; None where its header is missing or not valid."""
    given = [value for name, value in scope.get("headers", ()) if name == _HEADER]
    found = _FORM.fullmatch(given[0]) if len(given) == 1 else None
    return None if found is None else (found[1] or found[2]).decode()


def names_of(scope: Scope) -> dict[str, str]:
    """The names under which problems and the log know the request of this scope."""
    named = {"request_id": request_id_of(scope), "trace_id": trace_id_of(scope)}
    return {what: name for what, name in named.items() if name is not None}
