"""Handlers for the fault tier: each writes its runs into the journal."""

import asyncio
import os
import signal
import time
from pathlib import Path

from narad import Context, handler
from tests.support.journal import journaled

_PAUSE_SECONDS = 0.01


def _is_open(gate: str) -> bool:
    return (Path(os.environ["TESTS_SHARED"]) / gate).exists()


@handler("faults.work")
async def work(ctx: Context, seconds: float = 0.02) -> int:
    """Take a short while."""
    with journaled(ctx):
        await asyncio.sleep(seconds)
        return ctx.attempt


@handler("faults.work_thread")
def work_thread(ctx: Context, seconds: float = 0.02) -> int:
    """The same in a thread, which looks whether it should stop."""
    with journaled(ctx):
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            ctx.raise_if_cancelled()
            time.sleep(_PAUSE_SECONDS)
        return ctx.attempt


@handler("faults.work_isolated", isolation="process")
def work_isolated(ctx: Context, seconds: float = 0.02) -> int:
    """The same in a process of its own."""
    with journaled(ctx):
        time.sleep(seconds)
        return ctx.attempt


@handler("faults.falter")
async def falter(failures: int, ctx: Context) -> int:
    """Fail so many times before it succeeds."""
    with journaled(ctx):
        if ctx.failures < failures:
            raise RuntimeError(f"failure {ctx.failures + 1} of {failures}")
        return ctx.attempt


@handler("faults.hold")
async def hold(gate: str, ctx: Context) -> int:
    """Wait until the file exists, in which `{attempt}` stands for the number of the attempt; returns that number."""
    with journaled(ctx):
        while not _is_open(gate.format(attempt=ctx.attempt)):  # noqa: ASYNC110 - a file sends no event
            await asyncio.sleep(_PAUSE_SECONDS)
        return ctx.attempt


@handler("faults.hold_thread")
def hold_thread(gate: str, ctx: Context) -> int:
    """The same in a thread, which looks whether it should stop."""
    with journaled(ctx):
        while not _is_open(gate.format(attempt=ctx.attempt)):
            ctx.raise_if_cancelled()
            time.sleep(_PAUSE_SECONDS)
        return ctx.attempt


@handler("faults.block")
async def block(seconds: float, ctx: Context) -> int:
    """Block the event loop of the worker, which no handler should."""
    with journaled(ctx):
        time.sleep(seconds)  # noqa: ASYNC251 - that is the fault
        return ctx.attempt


@handler("faults.compute", isolation="process")
def compute(ctx: Context) -> None:
    """Keep a processor busy for ever."""
    with journaled(ctx):
        while True:
            sum(range(1_000))


@handler("faults.die", isolation="process")
def die(ctx: Context) -> None:
    """Be killed as by the kernel, when memory is short."""
    with journaled(ctx):
        os.kill(os.getpid(), signal.SIGKILL)


@handler("faults.litter")
async def litter(gate: str, ctx: Context) -> int:
    """Write into the directory of the attempt, and wait until the file of the gate exists."""
    (ctx.tmpdir / "file").write_text("left")
    with journaled(ctx):
        while not _is_open(gate):  # noqa: ASYNC110 - a file sends no event
            await asyncio.sleep(_PAUSE_SECONDS)
        return ctx.attempt


@handler("faults.litter_isolated", isolation="process")
def litter_isolated(gate: str, ctx: Context) -> int:
    """The same in a process of its own."""
    (ctx.tmpdir / "file").write_text("left")
    with journaled(ctx):
        while not _is_open(gate):
            time.sleep(_PAUSE_SECONDS)
        return ctx.attempt
