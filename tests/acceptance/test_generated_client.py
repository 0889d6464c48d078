"""A client that a public generator makes of the document works as it stands."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.service import Service

ENVIRONMENT = ROOT / ".venv-openapi" / "bin"
SCRIPT = ROOT / "tests" / "support" / "generated_client.py"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the package `narad_client`; a warning of the generator is a failure."""
    folder = tmp_path_factory.mktemp("generated")
    generator = ENVIRONMENT / "openapi-python-client"
    assert generator.exists(), f"{generator} is missing; build it: make venv-openapi"
    command: list[str | Path] = [
        generator,
        "generate",
        "--path",
        ROOT / "docs" / "openapi.json",
        "--meta",
        "none",
        "--fail-on-warning",
    ]
    command += ["--output-path", folder / "narad_client"]
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": f"{ENVIRONMENT}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_generated_client_creates_waits_for_and_cancels_tasks(service: Service, generated: Path) -> None:
    done = subprocess.run(
        [ENVIRONMENT / "python", SCRIPT, service.api.url],
        env={**os.environ, "PYTHONPATH": str(generated)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "result": {"width": 320},
        "same_task": True,
        "replayed": "true",
        "cancelled": "CANCELLED",
        "refused": "invalid_state",
    }
