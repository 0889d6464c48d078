"""How log lines are written: together, seldom, never too many, and none lost in silence."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from narad.domain.log_line import LogLevel, LogLine
from narad.errors import StoreUnavailableError
from narad.ids import new_id
from narad.worker import log_buffer as module
from narad.worker.log_buffer import LogBuffer
from tests.support.tasks import log_line

ONE, OTHER = new_id(), new_id()


class Desk:
    """Takes what is written down; away, it refuses."""

    def __init__(self) -> None:
        self.writes: list[list[LogLine]] = []
        self.away = False
        self.error: Exception = StoreUnavailableError("away")
        self.asked = asyncio.Event()
        self.wrote = asyncio.Event()

    async def write(self, lines: Sequence[LogLine]) -> None:
        self.asked.set()
        await asyncio.sleep(0)
        if self.away:
            raise self.error
        self.writes.append(list(lines))
        self.wrote.set()

    @property
    def numbers(self) -> list[int]:
        """The numbers of all lines, as they were written."""
        return [line.number for lines in self.writes for line in lines]


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@pytest.fixture
async def buffer(desk: Desk) -> AsyncIterator[LogBuffer]:
    buffer = LogBuffer(desk.write, capacity=10)
    yield buffer
    await buffer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two writes lies more time than any test has."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 3_600)


def keep(buffer: LogBuffer, *numbers: int) -> None:
    for number in numbers:
        buffer.keep(log_line(ONE, number))


@pytest.mark.usefixtures("unhurried")
async def test_lines_of_all_attempts_are_written_together_when_one_ends(buffer: LogBuffer, desk: Desk) -> None:
    keep(buffer, 1, 2)
    buffer.keep(log_line(OTHER, 1))

    await buffer.flush()

    assert desk.writes == [[log_line(ONE, 1), log_line(ONE, 2), log_line(OTHER, 1)]]


async def test_without_lines_nothing_is_written(buffer: LogBuffer, desk: Desk) -> None:
    await buffer.flush()
    await buffer.close()

    assert not desk.asked.is_set()


async def test_lines_are_written_in_time_though_nothing_ends(buffer: LogBuffer, desk: Desk) -> None:
    async with asyncio.timeout(10):
        for number in (1, 2):
            desk.wrote.clear()
            await asyncio.to_thread(keep, buffer, number)
            await desk.wrote.wait()

    assert desk.numbers == [1, 2]


@pytest.mark.usefixtures("unhurried")
async def test_a_long_queue_is_written_in_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    buffer = LogBuffer(desk.write)
    keep(buffer, *range(1, 8))

    await buffer.flush()
    await buffer.close()

    assert [len(lines) for lines in desk.writes] == [3, 3, 1]
    assert desk.numbers == list(range(1, 8))


@pytest.mark.usefixtures("unhurried")
async def test_what_could_not_be_written_is_written_later_in_its_order(buffer: LogBuffer, desk: Desk) -> None:
    keep(buffer, 1, 2)
    desk.away = True
    with pytest.raises(StoreUnavailableError):
        await buffer.flush()
    keep(buffer, 3)
    desk.away = False

    await buffer.flush()

    assert desk.numbers == [1, 2, 3]


async def test_the_rounds_go_on_when_the_store_is_back(
    buffer: LogBuffer, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AWAY_SECONDS", 0.001)
    desk.away = True
    keep(buffer, 1)

    async with asyncio.timeout(10):
        await desk.asked.wait()
        desk.away = False
        await desk.wrote.wait()

    assert desk.numbers == [1]


@pytest.mark.usefixtures("unhurried")
async def test_a_full_buffer_loses_the_oldest_and_says_how_many_of_which_attempt(buffer: LogBuffer, desk: Desk) -> None:
    buffer.keep(log_line(OTHER, 1))
    keep(buffer, *range(1, 13))

    await buffer.flush()

    (lines,) = desk.writes
    assert [(line.task_id, line.number) for line in lines] == [(OTHER, 1), *((ONE, number) for number in range(2, 13))]
    notes = [line for line in lines if "lost" in line.message]
    assert [line.message.partition(" lost")[0] for line in notes] == ["1 line was", "2 lines were"]
    assert {line.level for line in notes} == {LogLevel.WARNING}


@pytest.mark.usefixtures("unhurried")
async def test_lines_that_can_never_be_written_hold_up_nothing(buffer: LogBuffer, desk: Desk) -> None:
    keep(buffer, 1)
    desk.away, desk.error = True, ValueError("no")
    await buffer.flush()
    desk.away = False
    keep(buffer, 2)

    await buffer.flush()

    assert desk.numbers == [2]


@pytest.mark.usefixtures("unhurried")
async def test_closing_writes_what_is_left_and_gives_up_where_the_store_is_away(desk: Desk) -> None:
    for away, written in ((False, [1]), (True, [1])):
        buffer = LogBuffer(desk.write)
        desk.away = away
        keep(buffer, 1)
        await buffer.close()
        assert desk.numbers == written


async def test_lines_may_come_from_many_threads(desk: Desk) -> None:
    buffer = LogBuffer(desk.write)

    await asyncio.gather(*(asyncio.to_thread(keep, buffer, *range(start, start + 100)) for start in range(0, 800, 100)))
    await buffer.close()

    assert sorted(desk.numbers) == list(range(800))
