"""Handlers that run in processes of their own: in a module that such a process can import."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from narad import Context, Fatal, Retry, Snooze, handler
from narad.worker.signals import TaskCancelled

SLEEPER = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]


def tell(path: Path, *pids: int) -> None:
    """Write the pids where the test looks for them, all at once."""
    draft = path.with_suffix(".draft")
    draft.write_text(" ".join(map(str, [os.getpid(), *pids])))
    draft.rename(path)


@handler("isolated.add", isolation="process")
def add(a: int, b: int, ctx: Context) -> dict[str, int]:
    ctx.progress(0.5, "halfway")
    ctx.log("adding")
    return {"sum": a + b, "pid": os.getpid()}


@handler("isolated.add_async", isolation="process")
async def add_async(a: int, b: int, ctx: Context) -> dict[str, int]:
    await ctx.progress(0.5, "halfway")
    await asyncio.sleep(0)
    return {"sum": a + b, "pid": os.getpid()}


@handler("isolated.describe", isolation="process")
def describe(ctx: Context) -> dict[str, str | int | float | list[str] | None]:
    return {"id": str(ctx.task_id), "attempt": ctx.attempt, "tags": list(ctx.tags), "remaining": ctx.remaining()}


@handler("isolated.raise", isolation="process", retry_on=(OSError,))
def raise_(how: str) -> None:
    raise _error(how)


@handler("isolated.raise_async", isolation="process", retry_on=(OSError,))
async def raise_async(how: str) -> None:
    raise _error(how)


def _error(how: str) -> BaseException:
    return {
        "value": ValueError("not worth another try"),
        "os": OSError("disk"),
        "fatal": Fatal("never again"),
        "retry": Retry("soon", after=5),
        "snooze": Snooze(5),
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt("x"),
        "generator": GeneratorExit("x"),
        "cancelled": asyncio.CancelledError("x"),
        "task cancelled": TaskCancelled("x"),
    }[how]


@handler("isolated.print", isolation="process")
def print_much(lines: int) -> str:
    for number in range(lines):
        print(f'{{"kind": "Completed", "number": {number}}}')  # noqa: T201 - the matter of the test
    os.write(1, b"\n{}\n")
    subprocess.run([sys.executable, "-c", "print('a child too')"], check=True)
    return sys.stdin.read() + "printed"


@handler("isolated.flood", isolation="process")
def flood(reports: int, ctx: Context) -> int:
    for number in range(reports):
        ctx.progress(number / reports, "x" * 400)
    ctx.progress(1, "done")
    return reports


@handler("isolated.large", isolation="process")
def large(size: int) -> str:
    return '"' * (size // 2 - 1)


@handler("isolated.echo", isolation="process")
def echo(text: str) -> str:
    return text


@handler("isolated.busy", isolation="process")
def busy(path: Path) -> None:
    try:
        tell(path)
        while True:
            pass
    finally:
        path.with_suffix(".tidy").touch()


@handler("isolated.wait", isolation="process")
async def wait(path: Path) -> None:
    try:
        tell(path)
        await asyncio.Event().wait()
    finally:
        path.with_suffix(".tidy").touch()


@handler("isolated.completes", isolation="process")
def completes(path: Path) -> str:
    try:
        tell(path)
        while True:
            time.sleep(60)
    except TaskCancelled:
        return "completed all the same"


@handler("isolated.ignore", isolation="process")
def ignore(path: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with subprocess.Popen(SLEEPER) as sleeper:
        tell(path, sleeper.pid)


@handler("isolated.swallow", isolation="process")
def swallow(path: Path) -> None:
    forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    forked.start()
    told = False
    while True:
        try:
            if not told:
                tell(path, forked.pid or 0)
                told = True
            time.sleep(60)
        except BaseException:  # noqa: BLE001, S112 - the matter of the test
            continue


@handler("isolated.swallow_async", isolation="process")
async def swallow_async(path: Path) -> None:
    tell(path)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


@handler("isolated.exit", isolation="process")
def exit_(code: int, *, fork: bool = False) -> None:
    if fork:
        # It holds the pipe to the worker open.
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()
    os._exit(code)


@handler("isolated.late", isolation="process")
def late(ctx: Context) -> int:
    """Leave a thread behind that goes on reporting."""
    import threading  # noqa: PLC0415 - used here only

    def go_on() -> None:
        while True:
            ctx.progress(0.9, "late")
            time.sleep(0.001)
            ctx.log("late")

    threading.Thread(target=go_on, daemon=True).start()
    return os.getpid()


@handler("isolated.grow", isolation="process")
def grow(size: int) -> int:
    globals()["held"] = b"x" * size
    return os.getpid()


@handler("isolated.litter", isolation="process")
def litter(ctx: Context) -> list[int]:
    """Use the directory of the attempt; returns the process, and how many files it has open then."""
    (ctx.tmpdir / "file").write_text("x")
    return [os.getpid(), len(list(Path("/proc/self/fd").iterdir()))]
