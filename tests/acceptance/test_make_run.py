"""`make run` on a fresh checkout: it builds its environment, serves, and prints a line that works as it stands."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.leash import Leash
from tests.support.processes import REPOSITORY
from tests.support.readiness import wait_until_ready

BUILD_SECONDS = 240.0
_ENTER = 'cd "$1" && exec make run ARGS="--port 0" >stdout 2>stderr'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of the repository as git would hand them out, those not committed yet included."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, names):
        source, target = REPOSITORY / name.decode(), tmp_path / "checkout" / name.decode()
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return tmp_path / "checkout"


@pytest.mark.timeout(300)
def test_make_run_serves_and_its_curl_line_runs_a_task_to_its_end(checkout: Path) -> None:
    leash = Leash(["sh", "-c", _ENTER, "sh", str(checkout)], log=checkout / "leash")
    try:

        def greeted() -> str:
            said = (checkout / "stdout").read_text()
            found = re.search(r"^  (curl .*)$", said, re.MULTILINE)
            if found is None:
                raise LookupError("no greeting yet")
            return found[1]

        wait_until_ready(
            "make run",
            leash,
            checkout / "stderr",
            greeted,
            not_yet=(LookupError, FileNotFoundError),
            seconds=BUILD_SECONDS,
        )
        curl = greeted()
        task = json.loads(_run(curl))
        url = f"{re.findall(r'http://[^ ]+', curl)[0]}/{task['id']}"
        while task["status"] not in {"COMPLETED", "FAILED", "CANCELLED"}:
            task = json.loads(_run(f"curl -s {url}"))
    finally:
        leash.close()

    assert task["status"] == "COMPLETED"
    assert task["result"]["steps"] == 5


def _run(command: str) -> str:
    return subprocess.run(["bash", "-euc", command], capture_output=True, text=True, check=True).stdout
