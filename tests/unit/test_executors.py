"""Handlers on the loop and in threads: every end is an outcome, and none of them ends the worker."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

import pytest
from pydantic import BaseModel, field_validator

from narad import Context, handler
from narad.clock import ManualClock
from narad.domain.outcome import Completed, Failed, Outcome
from narad.domain.task import JsonObject
from narad.worker.executors import Executors, LoopExecutor, ThreadExecutor
from narad.worker.handler import AnyHandler
from narad.worker.processes import ProcessExecutor, ProcessLimits
from narad.worker.signals import TaskCancelled
from tests.support.attempts import ATTEMPT, NOON

Run = Callable[[AnyHandler, JsonObject], "asyncio.Task[Outcome]"]

ENDS: dict[str, BaseException] = {
    type(error).__name__: error
    for error in (ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), TaskCancelled("x"))
}
place: ContextVar[str] = ContextVar("place", default="nowhere")


class Leaving(BaseModel):
    """A payload whose check would end the process."""

    code: int

    @field_validator("code")
    @classmethod
    def leave(cls, code: int) -> int:
        raise SystemExit(code)


@handler("in_thread.raise")
def raise_in_thread(kind: str) -> None:
    raise ENDS[kind] if kind in ENDS else StopIteration(1)


@handler("on_loop.raise")
async def raise_on_loop(kind: str) -> None:
    raise ENDS[kind]


@handler("in_thread.check")
def check_in_thread(payload: Leaving) -> None: ...


@handler("on_loop.check")
async def check_on_loop(payload: Leaving) -> None: ...


@handler("in_thread.look")
def look_in_thread(ctx: Context) -> list[str]:
    return [place.get(), threading.current_thread().name, str(ctx.attempt)]


@handler("on_loop.look")
async def look_on_loop(ctx: Context) -> list[str]:
    return [place.get(), threading.current_thread().name, str(ctx.attempt)]


@handler("in_process", isolation="process")
async def in_process() -> None: ...


@pytest.fixture
async def executors() -> AsyncIterator[Executors]:
    executors = Executors(2, 1_000, ProcessLimits(grace_seconds=1, most_tasks=1, most_bytes=1))
    yield executors
    await executors.close()


@pytest.fixture
async def run(executors: Executors) -> Run:
    def run(target: AnyHandler, payload: JsonObject) -> "asyncio.Task[Outcome]":
        task = ATTEMPT._replace(handler=target.name, payload=json.dumps(payload))
        context = Context(task, ManualClock(NOON), lambda _progress: None)

        async def attempt() -> Outcome:
            async with asyncio.timeout(10):
                return await executors.of(target).run(target, task, context)

        return asyncio.create_task(attempt())

    return run


async def test_a_handler_runs_where_its_kind_and_its_options_say(executors: Executors) -> None:
    assert isinstance(executors.of(look_on_loop), LoopExecutor)
    assert isinstance(executors.of(look_in_thread), ThreadExecutor)
    assert isinstance(executors.of(in_process), ProcessExecutor)


async def test_a_handler_sees_its_context_and_what_surrounds_it(run: Run) -> None:
    place.set("here")

    assert await run(look_on_loop, {}) == Completed(["here", threading.current_thread().name, "1"])
    in_thread = await run(look_in_thread, {})
    assert isinstance(in_thread, Completed)
    assert in_thread == Completed(["here", "narad-handler_0", "1"])


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("target", [raise_in_thread, raise_on_loop], ids=["thread", "loop"])
async def test_whatever_a_handler_raises_is_an_outcome(target: AnyHandler, kind: str, run: Run) -> None:
    outcome = await run(target, {"kind": kind})

    assert isinstance(outcome, Failed)
    assert outcome.error.type == kind


async def test_a_thread_that_raises_stop_iteration_does_not_hang(run: Run) -> None:
    outcome = await run(raise_in_thread, {"kind": "StopIteration"})

    assert isinstance(outcome, Failed)
    assert outcome.error.type == "StopIteration"


@pytest.mark.parametrize("target", [check_in_thread, check_on_loop], ids=["thread", "loop"])
async def test_a_check_of_the_payload_that_would_end_the_process_refuses_it(target: AnyHandler, run: Run) -> None:
    outcome = await run(target, {"payload": {"code": 3}})

    assert isinstance(outcome, Failed)
    assert (outcome.error.type, outcome.error.retryable) == ("PayloadError", False)


async def test_a_thread_that_is_not_done_keeps_its_slot_when_it_is_cancelled(run: Run) -> None:
    begun, release = threading.Event(), threading.Event()

    @handler("in_thread.wait")
    def wait() -> str:
        """Wait in a thread, deaf to all."""
        begun.set()
        release.wait()
        return "done"

    running = run(wait, {})
    await asyncio.to_thread(begun.wait)

    running.cancel()
    await asyncio.wait({running}, timeout=0)
    waited = not running.done()
    release.set()

    assert await running == Completed("done")
    assert waited
