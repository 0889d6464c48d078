"""Where figures come from: the machine, the versions, the revision."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.processes import REPOSITORY

_LIBRARIES = (
    "aio-pika", "aiormq", "asyncpg", "fastapi", "httptools", "pydantic", "sqlalchemy", "starlette", "uvicorn", "uvloop",
)  # fmt: skip


def facts() -> dict[str, Any]:
    """The machine, Python and the libraries that Narad stands on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "revision": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--", "narad", "benchmarks", ":!benchmarks/results")),
        "libraries": versions(_LIBRARIES),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The installed versions of some packages."""
    return {package: version(package) for package in packages}


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _git(*arguments: str) -> str:
    """What git says, nothing outside a clone."""
    answer = subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False)  # noqa: S607 - on PATH
    return answer.stdout.strip()
