"""What the document tells receivers to do accepts what is sent, and nothing else."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.outbound.options import OutboundOptions
from narad.outbound.outbound import Outbound
from narad.outbound.signature import signature_of
from tests.support.repository import text_of

KEY = "0123456789abcdef" * 2


def documented() -> Callable[..., bool]:
    """The function of the document, as it stands there."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", text_of("docs/http-request.md"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102 - it is ours, and tested just so
    verify: Callable[..., bool] = names["comes_from_narad"]
    return verify


VERIFY = documented()


@given(st.binary(max_size=200))
def test_a_receiver_accepts_what_is_sent(body: bytes) -> None:
    assert VERIFY(body, Outbound(OutboundOptions(signing_key=KEY)).sign(body), KEY)


def test_a_receiver_refuses_another_body_another_key_and_another_time() -> None:
    now = int(time.time())
    signature = signature_of(b"body", KEY, now)

    assert not VERIFY(b"bodY", signature, KEY)
    assert not VERIFY(b"body", signature, KEY[:-1] + "0")
    assert not VERIFY(b"body", signature.replace(f"t={now}", f"t={now + 1}"), KEY)
    assert not VERIFY(b"body", signature_of(b"body", KEY, now - 301), KEY)
    assert not VERIFY(b"body", signature_of(b"body", KEY, now + 301), KEY)


@given(st.text(max_size=40) | st.from_regex(r"t=\w*,v1=\w*", fullmatch=True))
def test_a_receiver_refuses_what_is_no_signature(signature: str) -> None:
    assert not VERIFY(b"body", signature, KEY)


def test_a_signature_is_what_other_tools_make_of_it() -> None:
    # printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
    digest = "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"

    assert signature_of(b'{"a":1}', "key", 1_700_000_000) == f"t=1700000000,v1={digest}"


def test_a_process_without_a_key_signs_with_one_that_nobody_knows() -> None:
    assert OutboundOptions().signing_key != OutboundOptions().signing_key


@pytest.mark.parametrize("options", [OutboundOptions(signing_key=KEY, proxy="http://u:secret@p:1")])
def test_secrets_are_not_shown(options: OutboundOptions) -> None:
    assert KEY not in repr(options)
    assert "secret" not in repr(options)
