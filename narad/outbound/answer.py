"""What is kept of an answer: as much as a result may hold, and no more of it than anybody needs."""

import base64
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NotRequired

from pydantic_core import to_json
from typing_extensions import TypedDict

from narad.domain.storable import NotStorableError, check_json
from narad.worker.words import storable

if TYPE_CHECKING:
    import httpx2

_KEPT_HEADERS: Final = ("content-type", "etag", "last-modified", "location", "x-request-id")
_LONGEST_HEADER: Final = 500
_LONGEST_EXCERPT: Final = 500
_LONGEST_WAIT_SECONDS: Final = 86_400.0
_FRAME_BYTES: Final = 100
"""For the names of the fields around the body."""


class HttpAnswer(TypedDict):
    """An answer: its body as `json`, as `text`, or, where it is neither, as `base64`."""

    status: int
    headers: dict[str, str]
    json: NotRequired[Any]
    text: NotRequired[str]
    base64: NotRequired[str]
    size: int
    truncated: bool


def kept_answer(answer: "httpx2.Response", most_bytes: int) -> HttpAnswer:
    """The answer as a result of at most so many bytes; `size` is that of the body before it was cut."""
    headers = {
        name: storable(answer.headers[name])[:_LONGEST_HEADER] for name in _KEPT_HEADERS if name in answer.headers
    }
    kept = HttpAnswer(status=answer.status_code, headers=headers, size=len(answer.content), truncated=False)
    room = most_bytes - _size_of(kept) - _FRAME_BYTES
    if not answer.content:
        return kept
    if (value := _json_of(answer, room)) is not None:
        kept["json"] = value
    elif _is_text(answer):
        whole = storable(answer.text)
        kept["text"] = _cut(whole, room)
        kept["truncated"] = len(kept["text"]) < len(whole)
    else:
        bytes_of_room = max(0, room) // 4 * 3
        kept["base64"] = base64.b64encode(answer.content[:bytes_of_room]).decode()
        kept["truncated"] = bytes_of_room < len(answer.content)
    return kept


def excerpt_of(answer: "httpx2.Response") -> str:
    """The beginning of a body that says why, for a message."""
    if not answer.content or not _is_text(answer):
        return "."
    return f": {' '.join(storable(answer.text[:_LONGEST_EXCERPT]).split())}"


def retry_after(answer: "httpx2.Response") -> float | None:
    """The seconds that an answer asks to wait, a day at most; None where it does not say."""
    wish = answer.headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdecimal():
        return min(float(wish), _LONGEST_WAIT_SECONDS)
    try:
        at = parsedate_to_datetime(wish)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT_SECONDS)


def _json_of(answer: "httpx2.Response", room: int) -> Any:  # noqa: ANN401 - any JSON
    """The body as JSON; None where it is none, or cannot be kept as it is."""
    kind = _kind_of(answer)
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        value = json.loads(answer.content)
        check_json(value)
        return value if _size_of(value) <= room else None
    except (ValueError, NotStorableError, RecursionError):
        return None


def _is_text(answer: "httpx2.Response") -> bool:
    kind = _kind_of(answer)
    if kind.startswith("text/") or kind.endswith(("json", "xml", "javascript", "x-www-form-urlencoded")):
        return True
    try:
        answer.content.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in answer.content


def _kind_of(answer: "httpx2.Response") -> str:
    value: str = answer.headers.get("content-type", "")
    return value.partition(";")[0].strip().lower()


def _cut(text: str, room: int) -> str:
    """The longest beginning of a text that takes so many bytes as JSON."""
    if _size_of(text) <= room:
        return text
    low, high = 0, min(len(text), max(0, room))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _size_of(text[:middle]) <= room else (low, middle - 1)
    return text[:low]


def _size_of(value: object) -> int:
    """Bytes of the value as compact JSON, as they are counted for results."""
    return len(to_json(value))
