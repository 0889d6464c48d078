"""What a context does for its handler beside telling of the task: items, a directory, checkpoints, follow-ups."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from narad import Context, TaskCancelled, current_context, handler
from narad.clock import ManualClock
from narad.domain.follow_up import MOST_CHECKPOINT_BYTES, MOST_FOLLOW_UPS, Request, Save, Spawn
from narad.domain.status import Priority
from narad.domain.task import Progress
from narad.ids import new_id
from narad.worker.current import make_current
from narad.worker.desk import Answer, ask_on
from narad.worker.spawning import SpawnKeys
from tests.support.attempts import ATTEMPT, NOON

CHILD = UUID(int=9)


@dataclass
class Desk:
    """Takes down what is asked for, and answers at once."""

    asked: list[Request] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def ask(self, _context: Context, request: Request) -> Answer[UUID | None]:
        return ask_on(self.loop, self._answer(request))

    async def _answer(self, request: Request) -> UUID | None:
        self.asked.append(request)
        return CHILD if isinstance(request, Spawn) else None


def context(notes: list[Progress] | None = None, desk: Desk | None = None, *, attempt: int = 1) -> Context:
    task = ATTEMPT._replace(id=new_id(), attempt=attempt)
    return Context(task, ManualClock(NOON), ([] if notes is None else notes).append, desk=desk)


@handler("t.other")
async def other(value: int) -> None: ...


def test_items_are_gone_through_with_progress_after_each() -> None:
    notes: list[Progress] = []

    done = list(context(notes).track(["a", "b", "c", "d"], message="letters"))

    assert done == ["a", "b", "c", "d"]
    assert notes == [Progress(value=part, message="letters") for part in (0.25, 0.5, 0.75, 1)]


def test_items_that_do_not_know_how_many_they_are_have_progress_by_a_total_alone() -> None:
    without: list[Progress] = []
    with_total: list[Progress] = []

    assert sum(context(without).track(iter(range(4)))) == sum(context(with_total).track(iter(range(4)), total=2)) == 6

    assert without == []
    assert [note.value for note in with_total] == [0.5, 1]


def test_a_million_items_cost_no_more_than_a_thousand_reports() -> None:
    notes: list[Progress] = []

    for _ in context(notes).track(range(100_000)):
        pass

    assert len(notes) == 1_000
    assert notes[-1].value == 1


async def test_items_that_have_to_be_waited_for_are_gone_through_alike() -> None:
    async def letters() -> AsyncIterator[str]:
        for letter in "ab":
            await asyncio.sleep(0)
            yield letter

    notes: list[Progress] = []

    assert [letter async for letter in context(notes).track(letters(), total=2)] == ["a", "b"]
    assert [note.value for note in notes] == [0.5, 1]


def test_no_item_is_begun_once_the_handler_should_stop() -> None:
    ctx = context()
    items = ctx.track(range(5))
    begun = [next(items), next(items)]
    ctx.cancel()

    with pytest.raises(TaskCancelled):
        next(items)

    assert begun == [0, 1]


def test_the_directory_is_made_on_first_use_for_its_owner_alone_and_removed_with_all_in_it() -> None:
    ctx = context()
    assert not ctx.has_tmpdir

    place = ctx.tmpdir
    (place / "deep").mkdir()
    (place / "deep" / "file").write_text("x")

    assert ctx.tmpdir == place
    assert place.stat().st_mode & 0o777 == 0o700
    ctx.remove_tmpdir()
    assert not place.exists()


def test_a_directory_that_somebody_else_has_made_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ctx = context()
    (tmp_path / f"narad-{ctx.task_id}-1").mkdir()

    with pytest.raises(FileExistsError):
        _ = ctx.tmpdir


def test_the_current_context_is_that_of_the_handler_and_else_there_is_none() -> None:
    ctx = context()
    inside = contextvars.copy_context()
    inside.run(make_current, ctx)

    assert inside.run(current_context) is ctx
    with pytest.raises(LookupError, match="No handler runs here"):
        current_context()


async def test_a_checkpoint_is_saved_as_json() -> None:
    desk = Desk()

    await context(desk=desk).save_checkpoint({"next": 3, "seen": ("a", NOON)})

    assert desk.asked == [Save(checkpoint={"next": 3, "seen": ["a", "2026-03-01T12:00:00Z"]})]


@pytest.mark.parametrize("value", ["x" * MOST_CHECKPOINT_BYTES, float("nan"), "\x00", object()], ids=range(4))
async def test_a_checkpoint_that_cannot_be_kept_is_refused_at_once(value: object) -> None:
    desk = Desk()

    with pytest.raises(ValueError, match=r"bytes|finite|U\+0000|serialize"):
        await context(desk=desk).save_checkpoint(value)

    assert desk.asked == []


async def test_a_thread_has_its_answer_when_the_call_returns() -> None:
    desk = Desk()
    ctx = context(desk=desk)

    def work() -> tuple[UUID, int]:
        ctx.save_checkpoint(1)
        return ctx.spawn("t.other").result(), len(desk.asked)

    assert await asyncio.to_thread(work) == (CHILD, 2)


async def test_a_loop_of_a_thread_of_its_own_is_answered_too() -> None:
    ctx = context(desk=Desk())

    async def work() -> UUID:
        return await ctx.spawn("t.other")

    assert await asyncio.to_thread(asyncio.run, work()) == CHILD


async def test_what_nobody_waits_for_is_done_all_the_same() -> None:
    desk = Desk()

    context(desk=desk).spawn("t.other")
    await asyncio.sleep(0)

    assert len(desk.asked) == 1


async def test_a_follow_up_is_asked_for_as_it_was_said() -> None:
    desk = Desk()

    spawned = await context(desk=desk).spawn(
        other,
        {"value": 1},
        name="n",
        description="d",
        priority="HIGH",
        queue="q",
        tags=["a"],
        delay=timedelta(minutes=1),
        timeout=2,
        expires_in=3,
        max_attempts=4,
        key="k",
    )

    assert spawned == CHILD
    assert desk.asked == [
        Spawn(
            key="key:k",
            handler="t.other",
            payload={"value": 1},
            name="n",
            description="d",
            priority=Priority.HIGH,
            queue="q",
            tags=("a",),
            delay_seconds=60,
            timeout_seconds=2,
            expires_in_seconds=3,
            max_attempts=4,
        )
    ]


async def keys(spawn: Callable[[Context], Awaitable[object]], *, attempt: int = 1) -> list[str]:
    desk = Desk()
    await spawn(context(desk=desk, attempt=attempt))
    return [request.key for request in desk.asked if isinstance(request, Spawn)]


async def test_each_attempt_asks_for_its_follow_ups_by_the_same_keys() -> None:
    async def spawn(ctx: Context) -> None:
        for payload in ({"value": 1}, {"value": 2}, {"value": 1}):
            await ctx.spawn("t.other", payload)
        await ctx.spawn("t.another", {"value": 1})

    first, second = await keys(spawn), await keys(spawn, attempt=2)

    assert first == second
    assert len(set(first)) == 4


async def test_an_attempt_that_goes_on_from_a_checkpoint_asks_for_the_rest_by_the_same_keys() -> None:
    async def all_of_them(ctx: Context) -> None:
        for value in range(4):
            await ctx.spawn("t.other", {"value": value})

    async def the_rest(ctx: Context) -> None:
        for value in range(2, 4):
            await ctx.spawn("t.other", {"value": value})

    assert (await keys(all_of_them))[2:] == await keys(the_rest, attempt=2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"handler": "no name!"}, "is not a name for a handler"),
        ({"queue": "No Queue"}, "is not a name for a queue"),
        ({"name": " "}, "name must have 1 to 200 characters"),
        ({"key": "x" * 256}, "key must have 1 to 255 characters"),
        ({"tags": ["t"] * 51}, "at most 50 tags"),
        ({"tags": [""]}, "a tag must have 1 to 100"),
        ({"delay": -1}, "delay must be from 0"),
        ({"timeout": 10**9}, "timeout must be from 0"),
        ({"max_attempts": 0}, "max_attempts must be from 1 to 1000"),
        ({"priority": "URGENT"}, "URGENT"),
        ({"payload": {"x": float("inf")}}, "must be a finite number|JSON|finite"),
        ({"payload": {"x": "y" * 1_100_000}}, "at most 1048576 bytes"),
    ],
)
async def test_a_follow_up_that_cannot_be_is_refused_at_once(fields: dict[str, Any], words: str) -> None:
    desk = Desk()

    with pytest.raises(ValueError, match=words):
        await context(desk=desk).spawn(**{"handler": "t.other", **fields})

    assert desk.asked == []


def test_an_attempt_has_only_so_many_follow_ups() -> None:
    keys = SpawnKeys()
    for _ in range(MOST_FOLLOW_UPS):
        keys.of("t.other", {}, "k")

    with pytest.raises(ValueError, match="at most 10000 follow-ups"):
        keys.of("t.other", {}, None)


def test_a_context_without_a_store_says_so() -> None:
    with pytest.raises(RuntimeError, match="no store"):
        context().save_checkpoint(1)


def test_threads_that_use_the_directory_at_once_have_the_same() -> None:
    ctx = context()
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(ctx.tmpdir)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 1
    ctx.remove_tmpdir()
