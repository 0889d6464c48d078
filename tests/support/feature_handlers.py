"""Handlers that do all that a handler can: checkpoints, follow-ups, resources, directories; of each kind."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from narad import Context, Resource, Snooze, SpawnError, current_context, handler, lifespan
from tests.support.journal import journaled


def shared() -> Path:
    """Where handlers and tests meet."""
    return Path(os.environ["TESTS_SHARED"])


@dataclass
class Ledger:
    """What a worker process holds: who opened it, and how often it was used."""

    pid: int
    uses: int = 0


@lifespan
async def ledger() -> AsyncIterator[Ledger]:
    """Leave a trace of the beginning and of the end."""
    book = Ledger(os.getpid())
    (shared() / f"opened-{book.pid}").touch()
    yield book
    (shared() / f"closed-{book.pid}").write_text(str(book.uses))


def _used(book: Ledger) -> dict[str, int]:
    book.uses += 1
    return {"opened_by": book.pid, "used_by": os.getpid(), "uses": book.uses}


@handler("features.use")
async def use(book: Annotated[Ledger, Resource]) -> dict[str, int]:
    return _used(book)


@handler("features.use_thread")
def use_thread(book: Annotated[Ledger, Resource]) -> dict[str, int]:
    return _used(book)


@handler("features.use_process", isolation="process")
def use_process(book: Annotated[Ledger, Resource]) -> dict[str, int]:
    return _used(book)


@handler("features.use_process_async", isolation="process")
async def use_process_async(book: Annotated[Ledger, Resource]) -> dict[str, int]:
    return _used(book)


def _begun(ctx: Context) -> int:
    return ctx.checkpoint if isinstance(ctx.checkpoint, int) else 0


@handler("features.walk", backoff="fixed", backoff_seconds=0.05, jitter=False, max_attempts=10)
async def walk(steps: int, ctx: Context) -> list[str]:
    """Fail at every step once, and create a follow-up at each."""
    spawned = [str(await ctx.spawn("features.step", {"step": step})) for step in range(steps)]
    begun = _begun(ctx)
    if begun < steps:
        await ctx.save_checkpoint(begun + 1)
        raise ConnectionError(f"step {begun}")
    return spawned


@handler("features.walk_thread", backoff="fixed", backoff_seconds=0.05, jitter=False, max_attempts=10)
def walk_thread(steps: int, ctx: Context) -> list[str]:
    """The same in a thread."""
    return _walk(steps, ctx)


@handler("features.walk_process", backoff="fixed", backoff_seconds=0.05, jitter=False, max_attempts=10,
         isolation="process")  # fmt: skip
def walk_process(steps: int, ctx: Context) -> list[str]:
    """The same in a process."""
    return _walk(steps, ctx)


@handler("features.walk_process_async", backoff="fixed", backoff_seconds=0.05, jitter=False, max_attempts=10,
         isolation="process")  # fmt: skip
async def walk_process_async(steps: int, ctx: Context) -> list[str]:
    """The same on the loop of a process."""
    return await walk(steps, ctx)


def _walk(steps: int, ctx: Context) -> list[str]:
    spawned = [str(ctx.spawn("features.step", {"step": step}).result()) for step in range(steps)]
    begun = _begun(ctx)
    if begun < steps:
        ctx.save_checkpoint(begun + 1)
        raise ConnectionError(f"step {begun}")
    return spawned


@handler("features.step")
async def step(step: int) -> int:
    """A follow-up."""
    return step


def _refused(ctx: Context) -> list[str]:
    said = []
    for name, payload in (("features.step", {"step": "x"}), ("features.missing", {})):
        try:
            ctx.spawn(name, payload).result()
        except SpawnError as error:
            said.append(str(error))
    return said


@handler("features.spawn_badly")
def spawn_badly(ctx: Context) -> list[str]:
    """What is said of follow-ups that cannot be."""
    return _refused(ctx)


@handler("features.spawn_badly_process", isolation="process")
def spawn_badly_process(ctx: Context) -> list[str]:
    """The same in a process."""
    return _refused(ctx)


def _littered(ctx: Context) -> str:
    (ctx.tmpdir / "file").write_text(str(current_context() is ctx))
    return str(ctx.tmpdir)


@handler("features.litter")
async def litter(ctx: Context) -> str:
    """Leave something in the directory of the attempt."""
    return _littered(ctx)


@handler("features.litter_thread")
def litter_thread(ctx: Context) -> str:
    """The same in a thread."""
    return _littered(ctx)


@handler("features.litter_process", isolation="process")
def litter_process(ctx: Context, *, killed: bool = False) -> str:
    """The same in a process, which may be killed."""
    place = _littered(ctx)
    (shared() / "place").write_text(place)
    if killed:
        os.kill(os.getpid(), 9)
    return place


@handler("features.context")
async def context_of_callees() -> str:
    """Reach the context without a parameter."""
    return str(current_context().task_id)


@handler("features.context_thread")
def context_of_callees_thread() -> str:
    """The same in a thread."""
    return str(current_context().task_id) + ("" if threading.current_thread() is threading.main_thread() else "!")


@handler("features.snooze")
async def snooze(ctx: Context) -> int | Snooze:
    """Return a snooze, once."""
    return Snooze(0.05) if ctx.attempt == 1 else ctx.attempt


@handler("features.defaults", priority="HIGH", expires_in=3_600, redact=["password", "card.number"], version="7")
async def defaults(password: str = "", card: dict[str, str] | None = None) -> str:
    """Know what nobody else shall."""
    return password and (card or {}).get("number", "")


@handler("features.journey")
async def journey(steps: int, hold_at: int, gate: str, ctx: Context) -> int:
    """Go on from the checkpoint, create a follow-up at each step, and wait at one until the file exists."""
    with journaled(ctx):
        begun = _begun(ctx)
        for number in range(begun, steps):
            await ctx.spawn("faults.work", {"seconds": 0.01 + number / 1_000})
            await ctx.save_checkpoint(number + 1)
            (shared() / f"reached-{ctx.attempt}-{number}").touch()
            while number == hold_at and not (shared() / gate).exists():  # noqa: ASYNC110 - a file sends no event
                await asyncio.sleep(0.01)
        return begun


@handler("features.journey_without")
async def journey_without(steps: int, gate: str, ctx: Context) -> int:
    """Create all follow-ups in each attempt, without a checkpoint, and wait until the file exists."""
    with journaled(ctx):
        for number in range(steps):
            await ctx.spawn("faults.work", {"seconds": 0.01 + number / 1_000})
        (shared() / f"spawned-{ctx.attempt}").touch()
        while not (shared() / gate).exists():  # noqa: ASYNC110 - a file sends no event
            await asyncio.sleep(0.01)
        return ctx.attempt
