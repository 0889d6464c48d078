"""What the broker carries: a round trip for ours, and a reason for everything else."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.domain.message import MOST_IDS, VERSION, UndecodableMessageError, decode, decode_stop, encode, encode_stop
from narad.domain.storable import check_text
from narad.ids import new_id

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SOME_IDS = st.lists(st.uuids(), min_size=1, max_size=MOST_IDS)


def reason_of(body: bytes) -> str:
    with pytest.raises(UndecodableMessageError) as caught:
        decode(body)
    return str(caught.value)


@given(SOME_IDS)
def test_encoded_ids_are_decoded_unchanged(task_ids: list[UUID]) -> None:
    assert decode(encode(*task_ids)) == tuple(task_ids)


@given(SOME_IDS)
def test_a_message_is_json_with_a_version_and_ids_and_nothing_else(task_ids: list[UUID]) -> None:
    assert json.loads(encode(*task_ids)) == {"v": VERSION, "ids": [str(task_id) for task_id in task_ids]}


def test_a_message_of_too_many_ids_is_refused() -> None:
    assert "not a list of 1 to 16" in reason_of(encode(*(new_id() for _ in range(MOST_IDS + 1))))


def test_a_message_of_this_release_is_understood_by_the_next() -> None:
    task_id = UUID("0197f3a0-0000-7000-8000-000000000001")

    assert encode(task_id) == b'{"v":1,"ids":["0197f3a0-0000-7000-8000-000000000001"]}'
    assert decode(b'{"ids": ["0197f3a0-0000-7000-8000-000000000001"], "v": 1, "added": [1]}') == (task_id,)


@given(st.uuids(), st.integers(1, 2**31))
def test_an_encoded_order_to_stop_is_decoded_unchanged(task_id: UUID, attempt: int) -> None:
    assert decode_stop(encode_stop(task_id, attempt)) == (task_id, attempt)


@pytest.mark.parametrize("attempt", ["1", None, 1.5, [1]])
def test_an_order_to_stop_without_an_attempt_is_refused(attempt: object) -> None:
    body = json.dumps({"v": 1, "id": str(new_id()), "attempt": attempt}).encode()

    with pytest.raises(UndecodableMessageError, match="attempt is not a number"):
        decode_stop(body)


@given(st.binary())
def test_any_bytes_are_decoded_or_refused_with_a_reason(body: bytes) -> None:
    try:
        decoded = decode(body)
    except UndecodableMessageError as error:
        reason = str(error)
    else:
        reason = f"it is a message about {decoded}"
    assert check_text(reason)


@given(ANY_JSON)
def test_any_json_that_is_no_message_is_refused_with_a_reason(value: object) -> None:
    assert check_text(reason_of(json.dumps(value).encode()))


@given(ANY_JSON, ANY_JSON)
def test_any_version_and_id_are_decoded_or_refused_with_a_reason(version: object, task_id: object) -> None:
    body = json.dumps({"v": version, "ids": task_id}).encode()

    if version == VERSION and not isinstance(version, bool):
        assert check_text(reason_of(body)).startswith("id")
    else:
        assert check_text(reason_of(body)).startswith("version ")


@pytest.mark.parametrize("version", [0, 2, -1, "1", None, True, [1], 1.5, {"v": 1}])
def test_another_version_is_refused_and_named(version: object) -> None:
    body = json.dumps({"v": version, "ids": [str(new_id())]}).encode()

    assert reason_of(body) == f"version {version!r} is not 1"


def test_a_missing_version_or_id_is_refused() -> None:
    assert reason_of(b'{"ids": ["0197f3a0-0000-7000-8000-000000000001"]}') == "version None is not 1"
    assert reason_of(b'{"v": 1}') == "ids None is not a list of 1 to 16"
    assert reason_of(b'{"v": 1, "ids": []}') == "ids [] is not a list of 1 to 16"


@pytest.mark.parametrize("task_id", ["", "x", 7, None, [], {}, "0197f3a0", "\ud800", "\x00"])
def test_an_id_that_is_no_uuid_is_refused_and_named(task_id: object) -> None:
    body = json.dumps({"v": 1, "ids": [str(new_id()), task_id]}).encode()

    assert reason_of(body) == f"id {task_id!r} is not a UUID"


@pytest.mark.parametrize("body", [b"", b"\xff", b"\x00", b"{", b"NaN?", b'{"v": 1', b"1" * 5_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert reason_of(body) == "the body is not JSON"


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"NaN", b"true"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    assert reason_of(body) == "the body is not a JSON object"


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"v":', "}")])
def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack(depth: int, opening: str, closing: str) -> None:
    assert reason_of(f"{opening * depth}1{closing * depth}".encode())
    assert reason_of(f'{{"v":{opening * depth}1{closing * depth}}}'.encode())
    assert reason_of(f'{{"v":1,"ids":{opening * depth}1{closing * depth}}}'.encode())


def test_the_reason_fits_into_a_header_however_large_the_body() -> None:
    assert len(reason_of(json.dumps({"v": 1, "ids": ["x" * 1_000_000]}).encode())) <= 120
    assert len(reason_of(json.dumps({"v": "x" * 1_000_000}).encode())) <= 120
