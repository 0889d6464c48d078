"""The kit as pip installs it, for a pytest that is to find its plugin by the entry point alone."""

import tomllib
from pathlib import Path

import narad
from tests.support.repository import ROOT


def search_path(directory: Path) -> str:
    """A PYTHONPATH with this repository, and in `directory`, which is made, the metadata of its distribution."""
    metadata = directory / f"narad-{narad.__version__}.dist-info"
    metadata.mkdir(parents=True)
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    lines = [f"{name} = {home}\n" for name, home in points.items()]
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: narad\nVersion: {narad.__version__}\n")
    (metadata / "entry_points.txt").write_text("[pytest11]\n" + "".join(lines))
    return f"{directory}:{ROOT}"
