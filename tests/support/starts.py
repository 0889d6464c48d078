"""How long a program takes to start, told for a machine of the usual speed."""

import resource
import subprocess
import sys
from typing import Final

_TIMES: Final = 7
_YARDSTICK: Final = ("-c", "import asyncio, email.message, http.client, ssl, typing, unittest.mock")
_YARDSTICK_SECONDS: Final = 0.055
"""What it takes where the promises are made. A virtual machine with busy neighbours takes three times that."""


def start_seconds(*arguments: str) -> float:
    """The time of the processor that Python takes with these arguments, less in proportion on a machine that is slow.

    It is the least of several times, and what else runs on the machine is not in it.
    """
    slowness = _least(_YARDSTICK) / _YARDSTICK_SECONDS
    return _least(arguments) / max(1.0, slowness)


def _least(arguments: tuple[str, ...]) -> float:
    return min(_processor_seconds(arguments) for _ in range(_TIMES))


def _processor_seconds(arguments: tuple[str, ...]) -> float:
    before = _spent()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return _spent() - before


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
