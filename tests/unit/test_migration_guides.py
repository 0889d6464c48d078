"""The migration guides show the very programs that `tests/acceptance/test_migrations.py` runs."""

import re

import pytest

from tests.support.repository import ROOT

GUIDES = sorted((ROOT / "docs").glob("migrating-from-*.md"))
PROGRAMS = sorted((ROOT / "examples" / "migrating").glob("*/*.py"))
_BLOCK = re.compile(r"^```python\n(# (examples/migrating/\S+)\n.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_every_program_of_a_guide_is_shown_as_it_is_run(guide: object) -> None:
    text = (ROOT / "docs" / str(guide)).read_text()
    blocks = [(path, code) for code, path in _BLOCK.findall(text)]

    assert len(blocks) == text.count("```python")
    for path, code in blocks:
        assert code == (ROOT / path).read_text(), path


def test_every_program_is_in_a_guide() -> None:
    shown = {path for guide in GUIDES for _, path in _BLOCK.findall(guide.read_text())}

    assert shown == {str(program.relative_to(ROOT)) for program in PROGRAMS}
    assert len(GUIDES) == 3


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_every_file_that_a_guide_names_is_there(guide: object) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "docs" / str(guide)).read_text()):
        assert (ROOT / "docs" / link).exists(), link
