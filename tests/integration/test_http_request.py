"""`http.request` against a real server: what is sent, what is kept, and what becomes of the task."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic_core import to_json

from narad import Fatal, Retry
from narad.clock import SystemClock
from narad.domain.log_line import LogLine
from narad.domain.task import Json
from narad.handlers.http import HttpRejected, HttpUnavailable, HttpUnreachable, request
from narad.outbound.answer import HttpAnswer
from narad.outbound.options import OutboundOptions
from narad.outbound.outbound import Outbound
from narad.outbound.refusals import AnswerRefused, RequestRefused
from narad.outbound.signature import signature_of
from narad.worker.context import Context
from narad.worker.signature import PayloadError
from tests.support.attempts import ATTEMPT
from tests.support.receiver import Receiver, flood, plain, silence

MOST_RESULT_BYTES = 2_000
KEY = "k" * 32


class Caller:
    """Runs the handler for one attempt."""

    def __init__(self, receiver: Receiver) -> None:
        self.lines: list[LogLine] = []
        self._options = OutboundOptions(
            allowed_networks=("127.0.0.0/8",),
            ports=(receiver.port,),
            most_bytes=100_000,
            most_result_bytes=MOST_RESULT_BYTES,
            signing_key=KEY,
        )

    async def __call__(self, url: str, **payload: Json) -> HttpAnswer:
        outbound = Outbound(self._options)
        context = Context(
            ATTEMPT._replace(attempt=7), SystemClock(), lambda _note: None, self.lines.append, outbound=outbound
        )
        arguments = request.signature.bind(json.dumps({"url": url, **payload}), context)
        try:
            answer = await request(**arguments)  # type: ignore[arg-type]
        finally:
            await outbound.close()
        assert request.signature.result(answer, MOST_RESULT_BYTES) == answer
        return answer


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def call(receiver: Receiver) -> Caller:
    return Caller(receiver)


async def test_json_is_sent_with_who_asks_and_kept_as_json(receiver: Receiver, call: Caller) -> None:
    answer = await call(receiver.url + "/x?a=1", json={"b": "é"})

    (received,) = receiver.received
    assert (received.method, received.path, received.body) == ("POST", "/x?a=1", '{"b":"é"}'.encode())
    assert received.headers["content-type"] == "application/json"
    assert received.headers["narad-task-id"] == received.headers["idempotency-key"] == str(ATTEMPT.id)
    assert received.headers["narad-attempt"] == "7"
    found = re.fullmatch(r"t=(\d+),v1=[0-9a-f]{64}", received.headers["narad-signature"])
    assert found is not None
    assert abs(datetime.now(UTC).timestamp() - int(found[1])) < 30
    assert received.headers["narad-signature"] == signature_of(received.body, KEY, int(found[1]))
    assert answer["json"] == {"method": "POST", "path": "/x?a=1", "body": '{"b":"é"}'}
    assert answer["headers"] == {"content-type": "application/json"}
    assert (answer["status"], answer["truncated"]) == (200, False)


async def test_text_is_sent_as_text_unless_the_caller_says_what_it_is(receiver: Receiver, call: Caller) -> None:
    await call(receiver.url, text="<é/>", method="PUT")
    await call(receiver.url, text="<é/>", headers={"content-TYPE": "application/xml"})

    assert [(one.method, one.headers["content-type"], one.body.decode()) for one in receiver.received] == [
        ("PUT", "text/plain; charset=utf-8", "<é/>"),
        ("POST", "application/xml", "<é/>"),
    ]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PATCH"])
async def test_every_method_that_is_listed_can_be_used(receiver: Receiver, call: Caller, method: str) -> None:
    receiver.replies["/"] = plain(204)

    answer = await call(receiver.url + "/", method=method)

    assert answer == {"status": 204, "headers": {}, "size": 0, "truncated": False}
    assert (receiver.received[0].method, receiver.received[0].body) == (method, b"")


@pytest.mark.parametrize(
    "payload",
    [
        {"method": "CONNECT"}, {"method": "get"}, {"headers": {"a b": "c"}}, {"headers": {"a": "b\r\nc: d"}},
        {"headers": {"": "b"}}, {"headers": {"a": "é"}}, {"timeout_seconds": 0}, {"timeout_seconds": 3_601},
        {"url": "file:///etc/passwd"}, {"url": "http://a b"}, {"url": "//a"}, {"follow_redirects": True}, {"ctx": 1},
    ],
)  # fmt: skip
async def test_a_payload_that_makes_no_sense_is_refused_before_anything_is_sent(
    receiver: Receiver, call: Caller, payload: dict[str, Json]
) -> None:
    with pytest.raises(PayloadError):
        await call(str(payload.pop("url", receiver.url)), **payload)

    assert receiver.received == []


async def test_headers_that_are_ours_are_left_out_and_the_log_says_so(receiver: Receiver, call: Caller) -> None:
    forged = [
        "Host", "content-length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect",
        "Proxy-Authorization", "Accept-Encoding", "Idempotency-Key", "Narad-Task-Id", "narad-attempt",
        "NARAD-SIGNATURE", "Narad-Else", "webhook-id", "Webhook-Signature",
    ]  # fmt: skip
    await call(receiver.url, headers=dict.fromkeys(forged, "forged") | {"Authorization": "Bearer x", "X-Mine": "y"})

    headers = receiver.received[0].headers
    assert "forged" not in headers.values()
    assert (headers["authorization"], headers["x-mine"]) == ("Bearer x", "y")
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    (line,) = call.lines
    assert all(name in line.message for name in forged)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(
    ("wish", "after"), [(None, None), ("17", 17.0), ("soon", None), ("-1", None), ("9" * 30, 86_400.0)]
)
async def test_what_may_pass_is_tried_again_when_the_answer_says(
    receiver: Receiver, call: Caller, status: int, wish: str | None, after: float | None
) -> None:
    receiver.replies["/"] = plain(status, b"busy", **({} if wish is None else {"retry_after": wish}))

    with pytest.raises(
        HttpUnavailable, match=rf"^POST http://127\.0\.0\.1:\d+/ answered {status} Said: busy$"
    ) as caught:
        await call(receiver.url + "/?secret=1")

    assert isinstance(caught.value, Retry)
    assert caught.value.after == after


async def test_a_time_to_try_again_may_be_a_date(receiver: Receiver, call: Caller) -> None:
    for wait, least, most in ((timedelta(minutes=10), 500, 600), (-timedelta(days=1), 0, 0)):
        receiver.replies["/"] = plain(503, retry_after=format_datetime(datetime.now(UTC) + wait, usegmt=True))
        with pytest.raises(HttpUnavailable) as caught:
            await call(receiver.url + "/")
        assert caught.value.after is not None
        assert least <= caught.value.after <= most


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 409, 410, 422, 451])
async def test_other_answers_fail_the_task_and_say_why(receiver: Receiver, call: Caller, status: int) -> None:
    receiver.replies["/"] = plain(status, b"no\n such \x00thing" if status != 304 else b"", content_type="text/plain")

    with pytest.raises(HttpRejected, match=f"answered {status} Said") as caught:
        await call(receiver.url + "/")

    assert isinstance(caught.value, Fatal)
    assert status == 304 or "no such \\x00thing" in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, call: Caller, status: int) -> None:
    receiver.replies["/"] = plain(status, location=receiver.url + "/other?token=secret")

    with pytest.raises(HttpRejected, match=r"redirects are not followed, so call http://127\.0\.0\.1:\d+/other itself"):
        await call(receiver.url + "/")

    assert [received.path for received in receiver.received] == ["/"]


async def test_without_an_answer_it_is_tried_again(receiver: Receiver, call: Caller) -> None:
    receiver.replies["/"] = silence
    with pytest.raises(HttpUnreachable, match="longer than its timeout"):
        await call(receiver.url + "/", timeout_seconds=0.2)
    with pytest.raises(HttpUnreachable, match="no connection to 127"):
        await call(f"http://127.0.0.9:{receiver.port}/")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://10.0.0.1/", RequestRefused),
        ("http://169.254.169.254:{port}/", RequestRefused),
        ("http://user:password@127.0.0.1:{port}/", RequestRefused),
        ("http://[::1", HttpRejected),
        ("http://127.0.0.1:99999999/", RequestRefused),
        ("http://127.0.0.1:x/", HttpRejected),
    ],
)
async def test_what_may_not_be_called_fails_the_task_at_once(
    receiver: Receiver, call: Caller, url: str, kind: type[Fatal]
) -> None:
    with pytest.raises(kind) as caught:
        await call(url.format(port=receiver.port))

    assert isinstance(caught.value, Fatal)
    assert "password@" not in str(caught.value)
    assert receiver.received == []


async def test_an_answer_without_an_end_fails_the_task_at_once(receiver: Receiver, call: Caller) -> None:
    receiver.replies["/"] = flood
    with pytest.raises(AnswerRefused):
        await call(receiver.url + "/")


async def test_a_request_has_one_body(receiver: Receiver, call: Caller) -> None:
    with pytest.raises(Fatal, match="not both"):
        await call(receiver.url, json={}, text="x")


async def kept(call: Caller, receiver: Receiver, body: bytes, kind: str) -> HttpAnswer:
    receiver.replies["/"] = plain(200, body, content_type=kind)
    answer = await call(receiver.url + "/")
    assert len(to_json(answer)) <= MOST_RESULT_BYTES
    assert answer["size"] == len(body)
    return answer


async def test_a_body_that_is_too_large_for_a_result_is_cut(receiver: Receiver, call: Caller) -> None:
    for body in (b"x" * 50_000, b'"' * 50_000, "é".encode() * 25_000, b"\x01" * 50_000):
        answer = await kept(call, receiver, body, "text/plain")
        assert answer["truncated"]
        assert body.decode().startswith(answer["text"])
        assert len(to_json(answer["text"])) > MOST_RESULT_BYTES * 0.8

    answer = await kept(call, receiver, b"\xff" * 50_000, "image/png")
    assert answer["truncated"]
    assert answer["base64"].startswith("////")


async def test_json_that_cannot_be_kept_as_json_is_kept_as_text(receiver: Receiver, call: Caller) -> None:
    bodies: Sequence[bytes] = (b'{"a":', b"NaN", b'"\\u0000"', b"[" * 40 + b"]" * 40, b"[" * 90_000)
    for body in bodies:
        answer = await kept(call, receiver, body, "application/json")
        assert "json" not in answer
        assert body.decode().startswith(answer["text"])

    big = await kept(call, receiver, b'["' + b"x" * 3_000 + b'"]', "application/problem+json")
    assert big["truncated"]
    assert (await kept(call, receiver, b"[1]", "application/problem+json; charset=utf-8"))["json"] == [1]


async def test_what_is_no_text_is_kept_as_base64(receiver: Receiver, call: Caller) -> None:
    answer = await kept(call, receiver, b"\x89PNG\xff", "image/png")

    assert (answer["base64"], answer["truncated"]) == ("iVBOR/8=", False)
