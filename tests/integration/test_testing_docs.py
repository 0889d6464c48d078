"""The examples of docs/testing.md are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.installed_kit import search_path
from tests.support.repository import ROOT

_BLOCK = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_example_runs(tmp_path: Path) -> None:
    blocks = dict(_BLOCK.findall((ROOT / "docs" / "testing.md").read_text()))
    assert set(blocks) == {"thumbs.py", "test_alone.py", "test_service.py", "conftest.py"}
    for name, code in blocks.items():
        (tmp_path / name).write_text(code)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("NARAD_", "PYTEST_"))}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=keep | {"PYTHONPATH": search_path(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout
