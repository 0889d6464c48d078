"""Names that handlers and queues may have, identifiers that grow, and time under control."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.clock import ManualClock, SystemClock
from narad.dispatch.topology import lane_queue
from narad.domain.names import LONGEST_HANDLER_NAME, LONGEST_QUEUE_NAME, check_handler_name, check_queue_name
from narad.domain.status import Priority
from narad.domain.task import Lane
from narad.ids import new_id

LONGEST_AMQP_NAME = 255


@pytest.mark.parametrize(
    "name", ["a", "images.thumbnail", "A-b_c.9", "demo.echo.v2", "x" * LONGEST_HANDLER_NAME, "a.1", "a._"]
)
def test_handlers_may_be_called_so(name: str) -> None:
    assert check_handler_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "1a",
        "_a",
        "a b",
        "a\n",
        "a/b",
        "ä",
        "a.ä",
        "x" * (LONGEST_HANDLER_NAME + 1),
        "a\x00",
    ],
)
def test_handlers_may_not_be_called_so(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name for a handler"):
        check_handler_name(name)


@pytest.mark.parametrize("name", ["default", "a", "0", "images-2", "a_b", "x" * LONGEST_QUEUE_NAME])
def test_queues_may_be_called_so(name: str) -> None:
    assert check_queue_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "a.b", "-a", "_a", "a b", "a\n", "ä", "x" * (LONGEST_QUEUE_NAME + 1), "a*"])
def test_queues_may_not_be_called_so(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name for a queue"):
        check_queue_name(name)


@given(st.text())
def test_any_text_is_a_name_or_refused_with_the_text_in_the_message(text: str) -> None:
    for check in (check_handler_name, check_queue_name):
        try:
            said = repr(check(text))
        except ValueError as error:
            said = str(error)
        assert repr(text) in said


def test_the_longest_queue_name_still_makes_a_name_for_the_broker() -> None:
    spec = lane_queue(Lane("x" * LONGEST_QUEUE_NAME, Priority.MEDIUM))

    assert len(spec.name) <= LONGEST_AMQP_NAME


def test_ids_are_of_version_7_and_grow_within_a_process() -> None:
    ids = [new_id() for _ in range(10_000)]

    assert {(identity.version, identity.variant) for identity in ids} == {(7, RFC_4122)}
    assert all(first < second for first, second in pairwise(ids))


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)

    identity = new_id()

    made = datetime.fromtimestamp((identity.int >> 80) / 1000, UTC)
    assert before - timedelta(milliseconds=1) <= made <= datetime.now(UTC) + timedelta(milliseconds=1)


def test_the_clock_of_the_machine_is_aware_in_utc_and_steady() -> None:
    clock = SystemClock()

    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


def test_a_clock_under_control_stands_still_until_it_is_moved() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = ManualClock(start)
    steady = clock.monotonic()

    clock.advance(timedelta(minutes=1))

    assert clock.now() == start + timedelta(minutes=1)
    assert clock.now() == clock.now()
    assert clock.monotonic() - steady == 60
