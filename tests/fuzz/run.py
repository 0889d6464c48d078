"""Has Schemathesis call everything that the OpenAPI document of a running service describes."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.repository import ROOT

_COMMAND = ROOT / ".venv-openapi" / "bin" / "schemathesis"
_CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
_STREAM = "text/event-stream"
_ENDING = frozenset({"keys:manage", "workers:manage"})
"""Scopes of changes that would end the run: the first key locks the service, and a worker that drains is gone."""


@dataclass(frozen=True)
class Report:
    """What came of a run. `text` is what Schemathesis says of it."""

    calls: int
    operations: int
    passed: bool
    skipped_phases: list[str]
    text: str


def call_everything(url: str, directory: Path, *, examples: int, seed: int) -> Report:
    """Call every operation, this often with valid and with invalid data at random, besides what its limits suggest."""
    if not _COMMAND.exists():
        raise FileNotFoundError(f"{_COMMAND} is missing; build it: make venv-openapi")
    report = directory / "report.json"
    command: list[str | Path] = [_COMMAND, "--config-file", _CONFIGURATION, "--no-color", "run", f"{url}/openapi.json"]
    command += ["--url", url, "--max-examples", str(examples), "--seed", str(seed), "--report-json-path", report]
    for name in _left_out(url):
        command += ["--exclude-operation-id", name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if not report.exists():
        return Report(calls=0, operations=0, passed=False, skipped_phases=[], text=done.stdout + done.stderr)
    said = json.loads(report.read_text())
    return Report(
        calls=said["test_cases"]["generated"],
        operations=said["operations"]["tested"],
        passed=done.returncode == 0,
        skipped_phases=[name for name, phase in said["phases"].items() if phase["status"] == "skip"],
        text=done.stdout + done.stderr,
    )


def _left_out(url: str) -> list[str]:
    """Operations that cannot be called at random; an answer is read to its end, and a stream has none."""
    document: dict[str, Any] = httpx2.get(f"{url}/openapi.json", trust_env=False).json()
    return [
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if _STREAM in operation["responses"].get("200", {}).get("content", {})
        or (method != "get" and operation.get("x-required-scope") in _ENDING)
    ]
