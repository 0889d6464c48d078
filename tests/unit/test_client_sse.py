"""The parser of server-sent events: the same frames however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.client.sse import Frame, SseParser

_TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
_FRAMES = st.lists(st.tuples(_TEXT, st.lists(_TEXT, min_size=1, max_size=3), _TEXT), max_size=5)
_LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def parsed(*pieces: bytes) -> list[Frame]:
    parser = SseParser()
    return [frame for piece in pieces for frame in parser.feed(piece)]


@given(_FRAMES, _LINE_ENDS, st.data())
def test_frames_are_read_whole_wherever_the_bytes_are_cut(
    frames: list[tuple[str, list[str], str]], end: str, data: st.DataObject
) -> None:
    text = "".join(
        f"event: {event}{end}: a comment{end}"
        + "".join(f"data: {line}{end}" for line in lines)
        + f"id: {place}{end}{end}"
        for event, lines, place in frames
    )
    stream = (text + f"event: ping{end}").encode()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    places = [0, *sorted(cuts), len(stream)]

    found = parsed(*(stream[start:stop] for start, stop in pairwise(places)))

    assert found == [Frame(event or "message", "\n".join(lines), place) for event, lines, place in frames]


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"data\n\n", [Frame("message", "", None)]),
        (b"data:x\n\n", [Frame("message", "x", None)]),
        (b"data:  x\n\n", [Frame("message", " x", None)]),
        (b"event: a\n\ndata: x\n\n", [Frame("message", "x", None)]),
        (b"id: 7\ndata: x\n\ndata: y\n\n", [Frame("message", "x", "7"), Frame("message", "y", "7")]),
        (b"id: 7\ndata: x\n\nid: a\0b\ndata: y\n\n", [Frame("message", "x", "7"), Frame("message", "y", "7")]),
        (b"\xef\xbb\xbfdata: x\n\n", [Frame("message", "x", None)]),
        (b": ping\n\n", []),
        (b"unknown: x\n\n", []),
        (b"data: not ended\n", []),
        (b"data: \xff\n\n", [Frame("message", "\ufffd", None)]),
    ],
)
def test_the_standard_is_followed(stream: bytes, frames: list[Frame]) -> None:
    assert parsed(stream) == frames
    assert parsed(*(bytes([byte]) for byte in stream)) == frames


def test_a_line_end_that_is_cut_in_two_ends_one_line() -> None:
    assert parsed(b"data: x\r", b"\ndata: y\r", b"\n\r", b"\n") == [Frame("message", "x\ny", None)]


@pytest.mark.parametrize(
    ("line", "seconds"), [("retry: 2500", 2.5), ("retry: -1", None), ("retry: 1e3", None), ("retry: 9999999999", None)]
)
def test_the_server_says_when_to_come_back(line: str, seconds: float | None) -> None:
    parser = SseParser()
    parser.feed(f"{line}\n\n".encode())

    assert parser.retry_seconds == seconds
