"""The trace of a request: taken from `traceparent` as W3C Trace Context has it, and from nothing else."""

import pytest

from narad.api.trace import names_of, trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def with_headers(*values: str) -> dict[str, object]:
    return {"headers": [(b"traceparent", value.encode("latin-1")) for value in values]}


@pytest.mark.parametrize("value", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_valid_header_names_its_trace(value: str) -> None:
    assert trace_id_of(with_headers(value)) == TRACE


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        (TRACE,),
        (f"00-{TRACE.upper()}-{SPAN}-01",),
        (f"00-{'0' * 32}-{SPAN}-01",),
        (f"00-{TRACE}-{'0' * 16}-01",),
        (f"00-{TRACE}-{SPAN}-01-more",),
        (f"00-{TRACE}-{SPAN}",),
        (f"ff-{TRACE}-{SPAN}-01",),
        (f"cc-{TRACE}-{SPAN}-01more",),
        (f"00-{TRACE}-{SPAN}-01\n",),
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
    ],
)
def test_any_other_names_none(values: tuple[str, ...]) -> None:
    assert trace_id_of(with_headers(*values)) is None


def test_a_request_is_known_by_the_names_that_it_has() -> None:
    assert names_of({"headers": []}) == {}
    assert names_of({**with_headers(f"00-{TRACE}-{SPAN}-01"), "state": {"request_id": "7"}}) == {
        "request_id": "7",
        "trace_id": TRACE,
    }
