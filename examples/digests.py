"""Checksums and counts of files, as tasks.

    DIGESTS_ROOT=/srv/files narad worker --handlers examples.digests
    curl -s localhost:8000/api/v1/tasks -H 'Content-Type: application/json' \
        -d '{"name": "Report", "handler": "files.digest", "payload": {"path": "2026/report.txt"}}'

A task names a file below the directory `DIGESTS_ROOT`, and nothing else can be read through it.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from narad import Context, Fatal, handler

ROOT_VARIABLE = "DIGESTS_ROOT"
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What is known about a file; lines and words are counted as `wc` does in the C locale."""

    sha256: str
    size: int
    lines: int
    words: int


@handler("files.digest", timeout=600)
def digest(path: str, ctx: Context) -> Digest:
    """Digest one file.

    `path` is relative to the directory `DIGESTS_ROOT`. The file is read piece by piece, so its size does not matter.
    """
    file = _inside(_root(), path)
    hashed, size, lines, words = hashlib.sha256(), 0, 0, 0
    in_word = False
    with file.open("rb") as source:
        expected = os.fstat(source.fileno()).st_size
        while chunk := source.read(_CHUNK_BYTES):
            ctx.raise_if_cancelled()
            hashed.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
            words += len(chunk.split()) - (in_word and not chunk[:1].isspace())
            in_word = not chunk[-1:].isspace()
            ctx.progress(min(1.0, size / max(expected, 1)), f"{size} of {expected} bytes")
    return Digest(sha256=hashed.hexdigest(), size=size, lines=lines, words=words)


def _root() -> Path:
    value = os.environ.get(ROOT_VARIABLE)
    if not value:
        raise Fatal(f"{ROOT_VARIABLE} is not set: it names the directory whose files may be read.")
    return Path(value).resolve()


def _inside(root: Path, path: str) -> Path:
    """The file that a path means, wherever its links lead, as long as that is inside the directory."""
    try:
        file = (root / path).resolve()
        if Path(path).is_absolute() or not file.is_relative_to(root):
            raise Fatal(f"{path} leads out of the directory of this service.")
        if file.is_file():
            return file
    except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, not a path at all
        raise Fatal(f"There is no file {path}.") from error
    raise Fatal(f"There is no file {path}.")
