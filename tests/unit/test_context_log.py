"""What a handler can log while it runs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.clock import ManualClock
from narad.domain.log_line import LONGEST_LINE, MOST_LINES, LogLevel, LogLine
from narad.domain.storable import check_text
from narad.domain.task import Progress
from narad.worker import wire
from narad.worker.context import Context, Level
from tests.support.attempts import ATTEMPT, NOON


def logging(kept: list[LogLine]) -> Context:
    return Context(ATTEMPT, ManualClock(NOON), list[Progress]().append, kept.append)


@pytest.fixture
def kept() -> list[LogLine]:
    """The lines of the attempt."""
    return []


@pytest.fixture
def context(kept: list[LogLine]) -> Context:
    return logging(kept)


async def test_lines_are_numbered_and_may_be_awaited(context: Context, kept: list[LogLine]) -> None:
    context.log("one")
    await context.log("two", level="ERROR")

    plain = {"task_id": ATTEMPT.id, "attempt": 1, "at": NOON}
    assert kept == [
        LogLine(**plain, number=1, level=LogLevel.INFO, message="one"),  # type: ignore[arg-type]
        LogLine(**plain, number=2, level=LogLevel.ERROR, message="two"),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("level", ["info", "FATAL", "", 20, None])
def test_a_level_that_does_not_exist_is_refused(context: Context, kept: list[LogLine], level: object) -> None:
    with pytest.raises(ValueError, match="level must be one of DEBUG, INFO, WARNING, ERROR"):
        context.log("text", cast("Level", level))

    assert not kept
    assert not context.close_log()


@given(
    st.text(st.characters(), max_size=LONGEST_LINE + 10)
    | st.sampled_from(["\x00", "\ud800", "Ж"]).map(lambda c: c * 3_000)
)
def test_whatever_a_line_says_it_can_be_kept(text: str) -> None:
    kept: list[LogLine] = []
    logging(kept).log(text)

    (line,) = kept
    assert check_text(line.message) == line.message
    assert len(line.message) <= LONGEST_LINE
    if len(text) <= LONGEST_LINE and text.isprintable():
        assert line.message == text


def test_of_too_many_lines_from_many_threads_the_rest_is_counted(context: Context, kept: list[LogLine]) -> None:
    def work(_thread: int) -> None:
        for _ in range(300):
            context.log("x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert context.close_log()

    assert sorted(line.number for line in kept) == list(range(1, MOST_LINES + 2))
    assert kept[-1].message.startswith("200 more lines were left out")
    assert kept[-1].level is LogLevel.WARNING


def test_a_closed_log_takes_no_more_and_is_closed_once(context: Context, kept: list[LogLine]) -> None:
    for _ in range(MOST_LINES + 1):
        context.log("x")
    assert context.close_log()
    context.log("late")
    assert context.close_log()

    assert [line.number for line in kept[-2:]] == [MOST_LINES, MOST_LINES + 1]


def test_without_lines_there_is_nothing_to_close(context: Context) -> None:
    assert not context.close_log()


def test_a_line_crosses_to_the_worker_with_its_age(context: Context, kept: list[LogLine]) -> None:
    said = LogLine(task_id=ATTEMPT.id, attempt=1, number=7, at=NOON, level=LogLevel.DEBUG, message="Ж\n")

    heard = wire.read_answer(wire.logged_line(said))

    assert isinstance(heard, wire.Logged)
    assert heard.age > timedelta(days=1)
    context.relay(heard.number, heard.level, heard.message, age=timedelta(seconds=2))
    assert kept == [
        LogLine(
            task_id=ATTEMPT.id, attempt=1, number=7, at=NOON - timedelta(seconds=2), level=LogLevel.DEBUG, message="Ж\n"
        )
    ]
    assert context.close_log()
