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

_DIED = 2
"""The number of its death among what may end a process."""

_YOUNG_OBJECTS = 20_000
"""New objects before a look for cycles: a batch of tasks makes thousands, nearly all of them without any."""

T = TypeVar("T")
Ready = Callable[[Runtime], None]


def run(work: Coroutine[None, None, T]) -> T:
    """Run a coroutine as the whole of this process, on uvloop."""
    return uvloop.run(work)


async def serve(settings: Settings, roles: frozenset[Role], *, migrates: bool, ready: Ready) -> int:
    """Run these roles until SIGTERM, SIGINT or an order to the worker, then drain; returns the exit code.

    A signal during the drain cuts it short.

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
    failed = await _first(asked.wait(), runtime.dismissed(), runtime.died()) == _DIED
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


async def _first(*what: Coroutine[None, None, object]) -> int:
    """Wait for one of several; returns its number, the least of those that have come to pass."""
    waits = [asyncio.ensure_future(one) for one in what]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    number = next(number for number, wait in enumerate(waits) if wait.done())
    for wait in waits:
        wait.cancel()
    return number
