"""The files of the repository, wherever a test runs."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def text_of(path: str) -> str:
    """The text of a file, by its path from the root."""
    return (ROOT / path).read_text(encoding="utf-8")
