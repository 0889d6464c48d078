"""What is kept for a moment: the longer, the dearer it was, and never for long."""

import asyncio
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from narad.clock import Clock
from narad.dashboard.counts import LONGEST_SECONDS, SHARE, SHORTEST_SECONDS, Kept


class Watch(Clock):
    """A clock that a test winds on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    @override
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    @override
    def monotonic(self) -> float:
        return self.seconds


class Oracle:
    """Answers how often it was asked, and takes its time."""

    def __init__(self, watch: Watch, *, takes: float = 0.0) -> None:
        self.watch, self.takes, self.asked = watch, takes, 0

    async def ask(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        self.watch.seconds += self.takes
        return self.asked


@pytest.mark.parametrize(("takes", "kept"), [(0.0, SHORTEST_SECONDS), (0.1, SHARE * 0.1), (10.0, LONGEST_SECONDS)])
async def test_an_answer_is_kept_by_what_it_cost(takes: float, kept: float) -> None:
    watch = Watch()
    answers, oracle = Kept[int](watch), Oracle(watch, takes=takes)

    await answers.get("a", oracle.ask)
    watch.seconds += kept - 0.01
    assert await answers.get("a", oracle.ask) == 1
    watch.seconds += 0.02
    assert await answers.get("a", oracle.ask) == 2


async def test_many_who_ask_at_once_are_answered_by_one_question() -> None:
    watch = Watch()
    answers, oracle = Kept[int](watch), Oracle(watch)

    assert await asyncio.gather(*(answers.get("a", oracle.ask) for _ in range(20))) == [1] * 20
    assert await answers.get("b", oracle.ask) == 2


async def test_a_question_that_failed_or_was_given_up_is_asked_again() -> None:
    watch = Watch()
    answers, oracle = Kept[int](watch), Oracle(watch)

    async def fail() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await answers.get("a", fail)
    assert await answers.get("a", oracle.ask) == 1


async def test_only_so_many_answers_are_kept() -> None:
    watch = Watch()
    answers, oracle = Kept[int](watch, most=2), Oracle(watch)

    for key in "abca":
        await answers.get(key, oracle.ask)

    assert oracle.asked == 4
    assert await answers.get("c", oracle.ask) == 3
