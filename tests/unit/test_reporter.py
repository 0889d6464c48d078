"""How progress is written: not too often, and never the last word lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from narad.domain.task import Progress
from narad.worker import reporter as module
from narad.worker.reporter import Reporter


class Desk:
    """Takes reports of progress down; a report waits while the gate is shut."""

    def __init__(self) -> None:
        self.reports: list[Progress] = []
        self.news = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def report(self, progress: Progress) -> None:
        self.reports.append(progress)
        self.news.set()
        await self.gate.wait()

    async def until(self, value: float) -> None:
        """Wait until that value is reported."""
        async with asyncio.timeout(5):
            while not self.reports or self.reports[-1].value != value:
                self.news.clear()
                await self.news.wait()


@pytest.fixture
async def desk() -> Desk:
    return Desk()


@pytest.fixture
async def reporter(desk: Desk) -> AsyncIterator[Reporter]:
    reporter = Reporter(desk.report)
    yield reporter
    desk.gate.set()
    await reporter.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two reports lies more time than any test has."""
    monkeypatch.setattr(module, "REPORT_PAUSE_SECONDS", 3_600)


async def test_the_first_progress_is_written_at_once(reporter: Reporter, desk: Desk) -> None:
    reporter.note(Progress(value=0.5, message="so far"))

    await desk.until(0.5)
    assert desk.reports == [Progress(value=0.5, message="so far")]
    assert reporter.latest == desk.reports[0]


async def test_without_progress_nothing_is_written(reporter: Reporter, desk: Desk) -> None:
    await reporter.close()

    assert (desk.reports, reporter.latest) == ([], None)


@pytest.mark.usefixtures("unhurried")
async def test_reports_are_throttled_and_the_last_value_is_always_at_hand(reporter: Reporter, desk: Desk) -> None:
    reporter.note(Progress(value=0.1))
    await desk.until(0.1)

    for percent in range(11, 100):
        reporter.note(Progress(value=percent / 100))

    assert [report.value for report in desk.reports] == [0.1]
    assert reporter.latest == Progress(value=0.99)


async def test_after_the_pause_only_the_latest_value_is_reported(
    reporter: Reporter, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPORT_PAUSE_SECONDS", 0.001)
    desk.gate.clear()
    reporter.note(Progress(value=0.1))
    await desk.until(0.1)

    for percent in (20, 30, 40):
        reporter.note(Progress(value=percent / 100))
    desk.gate.set()

    await desk.until(0.4)
    assert [report.value for report in desk.reports] == [0.1, 0.4]


async def test_progress_after_a_quiet_time_is_reported_at_once(
    reporter: Reporter, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPORT_PAUSE_SECONDS", 0.001)

    for percent in (10, 20, 30):
        reporter.note(Progress(value=percent / 100))
        await desk.until(percent / 100)
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    assert [report.value for report in desk.reports] == [0.1, 0.2, 0.3]


async def test_progress_may_be_noted_from_a_thread(reporter: Reporter, desk: Desk) -> None:
    def work() -> None:
        for percent in range(1, 101):
            reporter.note(Progress(value=percent / 100, message=f"{percent} %"))

    await asyncio.to_thread(work)

    assert reporter.latest == Progress(value=1, message="100 %")
    await desk.until(1)


@pytest.mark.usefixtures("unhurried")
async def test_once_closed_nothing_more_is_reported_and_the_last_value_stays_at_hand(
    reporter: Reporter, desk: Desk
) -> None:
    reporter.note(Progress(value=0.1))
    await desk.until(0.1)
    reporter.note(Progress(value=0.2))

    await reporter.close()
    reporter.note(Progress(value=0.3))

    assert [report.value for report in desk.reports] == [0.1]
    assert reporter.latest == Progress(value=0.3)


async def test_closing_waits_for_a_report_on_its_way(reporter: Reporter, desk: Desk) -> None:
    desk.gate.clear()
    reporter.note(Progress(value=0.1))
    await desk.until(0.1)

    closing = asyncio.create_task(reporter.close())
    done, _ = await asyncio.wait({closing}, timeout=0)
    assert not done
    desk.gate.set()

    await closing
