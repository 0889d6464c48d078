"""`run_handler` and `TaskEnv`: what a test sees is what a worker would do."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest
from pydantic import BaseModel, HttpUrl

from narad import Context, Fatal, Resource, Retry, Snooze, handler, lifespan
from narad.domain.status import Status
from narad.testing import AttemptFailed, Cancelled, FrozenClock, TaskEnv, run_handler


class Picture(BaseModel):
    """A result."""

    width: int
    host: str


@handler("t.typed")
async def typed(url: HttpUrl, width: int = 320) -> Picture:
    """Take typed arguments."""
    return Picture(width=width, host=str(url.host))


@handler("t.steps", timeout=60)
async def steps(ctx: Context, count: int = 4) -> int:
    """Work in steps."""
    for number in range(1, count + 1):
        await ctx.progress(number / count, f"step {number}")
        await ctx.log(f"did {number}")
    return count


@handler("t.thread_steps")
def thread_steps(ctx: Context, count: int = 4) -> list[str]:
    """The same in a thread."""
    for number in range(1, count + 1):
        ctx.progress(number / count)
        ctx.raise_if_cancelled()
    return [threading.current_thread().name]


@handler("t.raise", backoff_seconds=10, retry_on=(OSError, Retry))
def raises(kind: str) -> None:
    """Raise."""
    raise {
        "retry": Retry("not yet", after=120),
        "snooze": Snooze(30),
        "fatal": Fatal("never"),
        "os": OSError("the disk is slow"),
        "value": ValueError("no such thing"),
    }[kind]


@handler("t.isolated", isolation="process")
def isolated(seconds: float, ctx: Context) -> str:
    """Block, so that only a kill ends it."""
    ctx.progress(0.5)
    ctx.log("began")
    time.sleep(seconds)
    if seconds < 0.01:
        raise ValueError(ctx.idempotency_token)
    return "slept"


@handler("t.deaf")
async def deaf(ctx: Context) -> None:
    """Swallow the cancel."""
    ctx.progress(1)
    end = asyncio.get_running_loop().time() + 0.5
    while (now := asyncio.get_running_loop().time()) < end:
        try:
            await asyncio.sleep(end - now)
        except asyncio.CancelledError:
            continue


@handler("t.walk")
async def walk(ctx: Context, stop_at: int = 9) -> int:
    """Go on from a checkpoint, with a follow-up for each step."""
    first = ctx.checkpoint if isinstance(ctx.checkpoint, int) else 0
    for step in range(first, 4):
        if step == stop_at:
            raise OSError("the way ends here")
        await ctx.spawn("t.steps", {"count": step}, delay=60)
        await ctx.save_checkpoint(step + 1)
    return first


@handler("t.walk_isolated", isolation="process")
def walk_isolated(ctx: Context) -> object:
    """The same out of a process."""
    ctx.spawn("t.steps", {"count": 1}, key="once")
    ctx.save_checkpoint({"at": 1})
    return ctx.checkpoint


class Pool:
    """A resource."""

    def __init__(self) -> None:
        self.open = True


@lifespan
async def pool() -> AsyncIterator[Pool]:
    """Provide it."""
    made = Pool()
    yield made
    made.open = False


@handler("t.with_pool")
async def with_pool(pool: Annotated[Pool, Resource]) -> bool:
    """Use it."""
    return pool.open


@handler("t.who")
async def who(ctx: Context) -> dict[str, object]:
    """Say what the context says."""
    return {
        "attempt": ctx.attempt,
        "failures": ctx.failures,
        "max_attempts": ctx.max_attempts,
        "tags": list(ctx.tags),
        "remaining": ctx.remaining(),
        "priority": ctx.priority,
    }


async def test_payload_and_result_pass_through_json_and_their_types() -> None:
    end = await run_handler(typed, {"url": "https://example.com/a.png"})

    assert end.status is Status.COMPLETED
    assert end.result == {"width": 320, "host": "example.com"}


async def test_a_payload_that_does_not_fit_fails_the_task_at_once() -> None:
    end = await run_handler(typed, {"url": "no address", "height": 1})

    assert end.error is not None
    assert (end.status, end.charged, end.error.type) == (Status.FAILED, True, "PayloadError")
    with pytest.raises(AttemptFailed, match=r"PayloadError: .*height") as info:
        await TaskEnv().run(typed, {"url": "https://example.com", "height": 1})
    assert not info.value.error.retryable


@pytest.mark.parametrize("payload", [{"url": object()}, {"width": float("nan")}, {"width": {1, 2}}])
async def test_a_payload_that_no_client_could_send_is_an_error_of_the_test(payload: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="A payload must be JSON"):
        await run_handler(typed, payload)


async def test_what_the_handler_reports_is_kept_in_order() -> None:
    env = TaskEnv()

    assert await env.run(steps, {"count": 2}) == 2

    assert [(one.value, one.message) for one in env.progress] == [(0.5, "step 1"), (1.0, "step 2")]
    assert [line.message for line in env.logs] == ["did 1", "did 2"]


@pytest.mark.parametrize("stepping", [steps, thread_steps])
async def test_a_cancel_arrives_at_the_progress_it_is_aimed_at(stepping: object) -> None:
    env = TaskEnv(attempt=2, failures=1, cancel_at_progress=0.5)

    with pytest.raises(Cancelled):
        await env.run(stepping, {})  # type: ignore[arg-type] # either kind of handler

    assert env.progress[-1].value == 0.5


async def test_def_handlers_run_in_a_thread_of_the_worker_kind() -> None:
    names = await TaskEnv().run(thread_steps)

    assert isinstance(names, list)
    assert str(names[0]).startswith("narad-handler")


async def test_an_isolated_handler_runs_in_a_process_and_is_really_killed() -> None:
    env = TaskEnv(cancel_at_progress=0.5, grace_seconds=0.2)
    began = time.monotonic()

    with pytest.raises(Cancelled):
        await env.run(isolated, {"seconds": 60})

    assert time.monotonic() - began < 30
    with pytest.raises(AttemptFailed, match="ValueError: "):
        await TaskEnv().run(isolated, {"seconds": 0})


async def test_a_time_limit_ends_the_attempt() -> None:
    env = TaskEnv(timeout=timedelta(seconds=0.05), grace_seconds=0.2)

    with pytest.raises(AttemptFailed, match=r"Timeout: .*0\.05 s"):
        await env.run(isolated, {"seconds": 60})


async def test_a_handler_that_does_not_stop_is_an_error_of_the_test() -> None:
    with pytest.raises(AssertionError, match=r"t\.deaf did not stop within 0\.05 s"):
        await TaskEnv(cancel_at_progress=1, grace_seconds=0.05).run(deaf)


@pytest.mark.parametrize(
    ("kind", "status", "charged", "delay"),
    [
        ("retry", Status.PENDING, True, 120),
        ("snooze", Status.PENDING, False, 30),
        ("os", Status.PENDING, True, 20),
        ("fatal", Status.FAILED, True, None),
        ("value", Status.FAILED, True, None),
    ],
)
async def test_what_becomes_of_the_task_is_what_the_service_would_decide(
    kind: str, status: Status, *, charged: bool, delay: int | None
) -> None:
    env = TaskEnv(failures=1, clock=FrozenClock(datetime(2030, 1, 1, tzinfo=UTC)))

    end = await env.attempt_of(raises, {"kind": kind})

    expected = None if delay is None else timedelta(seconds=delay)
    assert (end.status, end.charged, end.delay) == (status, charged, expected)
    assert end.run_at == (None if expected is None else datetime(2030, 1, 1, tzinfo=UTC) + expected)


@pytest.mark.parametrize(("kind", "expected"), [("retry", Retry), ("snooze", Snooze), ("value", ValueError)])
async def test_run_raises_what_the_handler_raised(kind: str, expected: type[Exception]) -> None:
    with pytest.raises(expected) as info:
        await TaskEnv().run(raises, {"kind": kind})

    assert info.value.__traceback__ is not None


async def test_an_attempt_goes_on_from_the_checkpoint_and_spawns_nothing_twice() -> None:
    env = TaskEnv()

    with pytest.raises(OSError, match="the way ends here"):
        await env.run(walk, {"stop_at": 2})
    assert env.checkpoint == 2
    assert await env.run(walk) == 2

    assert [(one.handler, one.payload, one.delay_seconds) for one in env.spawned] == [
        ("t.steps", {"count": count}, 60) for count in range(4)
    ]
    assert await TaskEnv(checkpoint=3).run(walk) == 3


async def test_what_an_isolated_handler_asks_for_is_kept_too() -> None:
    env = TaskEnv()

    for _ in range(2):
        assert await env.run(walk_isolated) == {"at": 1}

    assert [(one.handler, one.payload) for one in env.spawned] == [("t.steps", {"count": 1})]
    assert env.checkpoint == {"at": 1}


async def test_resources_come_from_the_lifespans_of_the_environment() -> None:
    assert await TaskEnv(lifespans=[pool]).run(with_pool) is True


async def test_the_last_try_is_the_last() -> None:
    assert (await TaskEnv(failures=2).attempt_of(raises, {"kind": "os"})).status is Status.FAILED
    assert (await TaskEnv(failures=2, max_attempts=4).attempt_of(raises, {"kind": "os"})).status is Status.PENDING


async def test_the_context_says_what_the_environment_says() -> None:
    env = TaskEnv(attempt=7, failures=2, max_attempts=9, tags=("a", "b"), timeout=30)

    assert await env.run(who) == {
        "attempt": 7,
        "failures": 2,
        "max_attempts": 9,
        "tags": ["a", "b"],
        "remaining": 30.0,
        "priority": "MEDIUM",
    }


def test_the_clock_stands_still_until_it_is_moved_and_never_goes_back() -> None:
    clock = FrozenClock(datetime(2030, 1, 1, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2030, 1, 1, tzinfo=UTC)
    assert clock.advance(timedelta(hours=1)) == clock.advance(0) == datetime(2030, 1, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="no time zone"):
        clock.move_to(datetime(2031, 1, 1))  # noqa: DTZ001 - the very mistake
