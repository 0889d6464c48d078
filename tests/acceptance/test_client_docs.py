"""What docs/client.md shows works as it stands, but for the address."""

import re
import subprocess
import sys

import pytest

from narad.client import errors
from tests.support.repository import ROOT
from tests.support.service import Embedded

PAGE = (ROOT / "docs" / "client.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_snippet_runs(embedded: Embedded, block: int) -> None:
    program = BLOCKS[block]
    assert ADDRESS in program

    done = subprocess.run(
        [sys.executable, "-c", program.replace(ADDRESS, embedded.api.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_exception_is_told_of() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}

    assert {name for name in kinds if f"`{name}`" not in PAGE and f"narad.client.{name}" not in PAGE} == set()
