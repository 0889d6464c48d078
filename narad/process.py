"""One process of the service, from its start to its exit code."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine
from typing import TypeVar

import structlog
import uvloop

from narad.runtime import Role, Runtime, build
from narad.settings import Settings

log = structlog.get_logger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_YOUNG_OBJECTS = 20_000
"""New objects before a look for cycles: a batch of tasks makes thousands, nearly all of them without any."""

T = TypeVar("T")
Ready = Callable[[Runtime], None]


def run(work: Coroutine[None, None, T]) -> T:
    """Run a coroutine as the whole of this process, on uvloop."""
    return uvloop.run(work)


async def serve(settings: Settings, roles: frozenset[Role], *, migrates: bool, ready: Ready) -> int:
    """Run these roles until SIGTERM or SIGINT, then drain; returns the exit code. A second signal cuts the drain short.

    A service that dies by itself takes the process down with code 1: whoever started it shall notice.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, asked.set)
    runtime = await build(settings, roles, migrates=migrates)
    await runtime.start()
    _settle_memory()
    ready(runtime)
    failed = not await _either(asked.wait(), runtime.died())
    log.info("process.stopping", failed=failed)
    for number in _SIGNALS:
        loop.add_signal_handler(number, runtime.hurry)
    await runtime.stop()
    code = 1 if failed else 0
    if runtime.worker is not None and runtime.worker.busy:
        # Threads cannot be stopped, and the interpreter would wait for them. All is written and handed back.
        os._exit(code)
    return code


def _settle_memory() -> None:
    """Spare the collector of cycles what stays for ever: all modules and services, looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


async def _either(first: Coroutine[None, None, object], second: Coroutine[None, None, object]) -> bool:
    """Wait for one of two; returns whether it was the first."""
    waits = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits[1:] if waits[0].done() else waits[:1]:
        wait.cancel()
    return waits[0].done() and not waits[0].cancelled()
