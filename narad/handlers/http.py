"""`http.request`: the work is done by an HTTP endpoint, so that services in any language can do it."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from pydantic_core import to_json

from narad.outbound.answer import HttpAnswer, excerpt_of, kept_answer, retry_after
from narad.outbound.options import LONGEST_SECONDS
from narad.worker.context import Context
from narad.worker.handler import handler
from narad.worker.signals import Fatal, Retry

if TYPE_CHECKING:
    import httpx2

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Url = Annotated[str, Field(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s]+$", max_length=8_000)]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=200)]
HeaderValue = Annotated[str, Field(pattern=r"^[\t -~]*$", max_length=8_000)]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=100)]

_OURS = re.compile(
    # What says where the body ends and whose connection it is, what is agreed hop by hop, and what we vouch for.
    r"host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|accept-encoding"
    r"|proxy-.*|idempotency-key|narad-.*|webhook-.*"
)
_AGAIN = frozenset({408, 429})


class HttpUnreachable(Retry):
    """No answer came."""


class HttpUnavailable(Retry):
    """The answer asks to try again: 408, 429, or 5xx."""


class HttpRejected(Fatal):
    """The answer is one that another try would not change."""


@handler("http.request")
async def request(
    ctx: Context,
    url: Url,
    method: Method = "POST",
    headers: Headers | None = None,
    json: Any = None,
    text: str | None = None,
    timeout_seconds: Annotated[float, Field(gt=0, le=LONGEST_SECONDS)] | None = None,
) -> HttpAnswer:
    """Call an HTTP endpoint.

    Sends `json` or `text` as the body, with the id of the task as `Narad-Task-Id` and `Idempotency-Key`, the number
    of the attempt as `Narad-Attempt`, and a signature as `Narad-Signature`. 2xx completes the task; 408, 429 and 5xx
    are tried again, not before `Retry-After`; redirects are not followed, and fail it as other answers do.
    Only public addresses are called, unless the settings of the worker allow others.
    """
    if json is not None and text is not None:
        raise Fatal("Give json or text, not both: a request has one body.")
    body = text.encode() if text is not None else b"" if json is None else to_json(json)
    sent = _headers(ctx, headers or {}, body, default_type=_type_of(json, text))
    place = f"{method} {_shown(url)}"
    answer = await _exchange(ctx, method, url, body, sent, timeout_seconds, place)
    if answer.is_success:
        return kept_answer(answer, ctx.outbound.options.most_result_bytes)
    said = f"{place} answered {answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code in _AGAIN or answer.is_server_error:
        raise HttpUnavailable(said + excerpt_of(answer), after=retry_after(answer))
    if answer.has_redirect_location:
        raise HttpRejected(f"{said}; redirects are not followed, so call {_shown(answer.headers['location'])} itself.")
    raise HttpRejected(said + excerpt_of(answer))


async def _exchange(
    ctx: Context,
    method: str,
    url: str,
    body: bytes,
    headers: dict[str, str],
    timeout_seconds: float | None,
    place: str,
) -> "httpx2.Response":
    import httpx2  # noqa: PLC0415 - loaded when needed

    timeout = timeout_seconds or ctx.outbound.options.timeout_seconds
    try:
        return await ctx.http.request(method, url, content=body or None, headers=headers, timeout=timeout)
    except httpx2.InvalidURL as error:
        raise HttpRejected(f"The URL is not valid: {error}.") from None
    except httpx2.TransportError as error:
        raise HttpUnreachable(f"{place}: {str(error) or type(error).__name__}.") from None
    except httpx2.DecodingError as error:
        raise HttpRejected(f"{place}: the answer cannot be decompressed: {error}.") from None


def _headers(ctx: Context, given: dict[str, str], body: bytes, default_type: str | None) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if not _OURS.fullmatch(name.lower())}
    if left_out := sorted(given.keys() - kept.keys()):
        ctx.log(f"Left out headers that are not the caller's to set: {', '.join(left_out)}.", level="WARNING")
    if default_type is not None and "content-type" not in map(str.lower, kept):
        kept["Content-Type"] = default_type
    return kept | {
        "Idempotency-Key": ctx.idempotency_token,
        "Narad-Task-Id": str(ctx.task_id),
        "Narad-Attempt": str(ctx.attempt),
        "Narad-Signature": ctx.outbound.sign(body),
    }


def _type_of(json: object, text: str | None) -> str | None:
    if text is not None:
        return "text/plain; charset=utf-8"
    return None if json is None else "application/json"


def _shown(url: str) -> str:
    """As much of a URL as may be shown to everybody who sees the task: no query, no user, no fragment."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"//[^/]*@", "//", bare)[:200]
