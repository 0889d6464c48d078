"""Handlers for tests that have to see when, where and how often a task runs."""

import asyncio
import os
import time
from datetime import datetime, timedelta
from pathlib import Path

from narad import Context, Retry, handler

_PAUSE_SECONDS = 0.01
RECORDS = "runs-*.txt"


def _shared() -> Path:
    return Path(os.environ["TESTS_SHARED"])


@handler("tests.record")
async def record(ctx: Context) -> int:
    """Append the task and the attempt to a file of this process, in one write; returns the process."""
    line = f"{ctx.task_id} {ctx.attempt}\n".encode()
    file = os.open(_shared() / RECORDS.replace("*", str(os.getpid())), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line)
    finally:
        os.close(file)
    return os.getpid()


@handler("tests.pause")
async def pause() -> None:
    """Take a short while."""
    await asyncio.sleep(0.03)


@handler("tests.hold")
async def hold(gate: str, ctx: Context) -> int:
    """Wait until the file exists; returns the attempt that saw it."""
    while not (_shared() / gate).exists():  # noqa: ASYNC110 - a file sends no event
        await asyncio.sleep(_PAUSE_SECONDS)
    return ctx.attempt


@handler("tests.hold_thread")
def hold_thread(gate: str, ctx: Context) -> int:
    """The same in a thread, which looks whether it should stop."""
    while not (_shared() / gate).exists():
        ctx.raise_if_cancelled()
        time.sleep(_PAUSE_SECONDS)
    return ctx.attempt


@handler("tests.steps")
async def steps(gates: list[str], ctx: Context) -> int:
    """Tell progress and log a line at each step, and wait for its file; returns the number of steps."""
    for number, gate in enumerate(gates):
        await ctx.progress(number / len(gates), f"before {gate}")
        await ctx.log(f"reached {gate}")
        while not (_shared() / gate).exists():  # noqa: ASYNC110 - a file sends no event
            await asyncio.sleep(_PAUSE_SECONDS)
    return len(gates)


@handler("tests.log")
async def log(lines: int, ctx: Context, gate: str | None = None) -> str:
    """Say how many lines come and log them, of a level each in turn; then wait for the file, if one is named."""
    _log(ctx, lines)
    await ctx.log("awaited", level="ERROR")
    while gate is not None and not (_shared() / gate).exists():  # noqa: ASYNC110 - a file sends no event
        await asyncio.sleep(_PAUSE_SECONDS)
    return "logged"


@handler("tests.log_thread")
def log_thread(lines: int, ctx: Context) -> str:
    """The same in a thread."""
    _log(ctx, lines)
    ctx.log("awaited", level="ERROR")
    return "logged"


@handler("tests.log_process", isolation="process")
def log_process(lines: int, ctx: Context) -> str:
    """The same in a process."""
    _log(ctx, lines)
    ctx.log("awaited", level="ERROR")
    return "logged"


@handler("tests.log_and_fail_first")
async def log_and_fail_first(ctx: Context) -> None:
    """Log the attempt, and fail at the first."""
    ctx.log(f"attempt {ctx.attempt}")
    if ctx.attempt == 1:
        raise Retry("the first attempt fails", after=0.01)


def _log(ctx: Context, lines: int) -> None:
    for number in range(lines):
        ctx.log(f"line {number} \x00 of {lines}", level="DEBUG" if number % 2 else "INFO")


@handler("tests.fail_later")
async def fail_later() -> None:
    """Fail, and ask for another attempt in an hour."""
    raise Retry("not now", after=3_600)


@handler("tests.fail_first")
async def fail_first(ctx: Context) -> int:
    """Fail at the first attempt."""
    if ctx.attempt == 1:
        raise ConnectionError("the first attempt fails")
    return ctx.attempt


@handler("tests.return_nothing_storable")
async def return_nothing_storable() -> object:
    """Return what is not JSON."""
    return object()


@handler("tests.swallow")
async def swallow(text: str) -> int:
    """Return the length of a text."""
    return len(text)


@handler("tests.later")
async def later(at: datetime, by: timedelta) -> datetime:
    """Return a later time."""
    return at + by


@handler("tests.fetch")
async def fetch(url: str, ctx: Context) -> object:
    """What a URL answers, as JSON."""
    return (await ctx.http.get(url)).json()


@handler("tests.fetch_in_a_thread")
def fetch_in_a_thread(url: str, ctx: Context) -> object:
    """The same in a thread."""
    return ctx.http_sync.get(url).json()


@handler("tests.fetch_isolated", isolation="process")
def fetch_isolated(url: str, ctx: Context) -> object:
    """The same in a process."""
    return ctx.http_sync.get(url).json()


@handler("tests.fetch_isolated_async", isolation="process")
async def fetch_isolated_async(url: str, ctx: Context) -> object:
    """The same on the loop of a process."""
    return (await ctx.http.get(url)).json()
