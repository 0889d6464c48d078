"""What pip installs: every file of the package, and nothing else; and it serves from there."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import narad
from narad.dashboard.assets import vendored
from tests.support.repository import ROOT

LONGEST_SECONDS = 100
DATA = (
    "narad/py.typed",
    "narad/dashboard/templates/layout.html",
    "narad/dashboard/static/narad.css",
    "narad/dashboard/static/live.js",
    "narad/dashboard/static/favicon.ico",
    "narad/dashboard/static/vendor/VENDORED.toml",
    "narad/dashboard/locale/ru.po",
    "narad/store/migrations/env.py",
)
SERVING = """
import asyncio, sys
import narad
from narad.dashboard.assets import assets
from narad.dashboard.rendering import environment
from narad.store.migrating import migrate_schema
from narad.store.database import Database, parse_url

async def migrate(url):
    database = Database(parse_url(url), pool_size=1, timeout_seconds=30)
    try:
        await migrate_schema(database)
    finally:
        await database.close()

asyncio.run(migrate(sys.argv[1]))
environment("ru").get_template("tasks.html")
assert assets()
print(narad.__file__, narad.__version__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it: what `make venv` needs is needed here too."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = directory.glob("*.whl")
    return built


def test_a_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "narad").rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }

    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    inside = {name for name in names if ".dist-info/" not in name}

    assert inside == files
    assert set(DATA) <= inside
    assert {f"narad/dashboard/static/vendor/{file.licence_file}" for file in vendored()} <= inside
    versions = "narad/store/migrations/versions/"
    assert {name for name in inside if name.startswith(versions)} == {
        f"{versions}{path.name}" for path in (ROOT / versions).glob("*.py")
    }
    assert f"narad-{narad.__version__}.dist-info/licenses/LICENSE" in names
    assert f"narad-{narad.__version__}.dist-info/entry_points.txt" in names


def test_what_is_installed_migrates_and_makes_pages_by_itself(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    done = subprocess.run(
        [sys.executable, "-c", SERVING, f"sqlite:///{tmp_path}/narad.db"],
        capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False, cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(installed / "narad" / "__init__.py"), narad.__version__]
