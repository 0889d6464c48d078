"""Thumbnails of images, as tasks; needs Pillow.

    PICTURES_ROOT=/srv/pictures narad worker --handlers examples.thumbnails
    curl -s localhost:8000/api/v1/tasks -H 'Content-Type: application/json' \
        -d '{"name": "Cover", "handler": "pictures.thumbnails", "payload": {"path": "a/1.jpg", "widths": [160]}}'

Decoding takes a processor for itself, and what is decoded comes from strangers. So it happens in a process of its own,
which a time limit or a cancel really kills.
"""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import Field

from narad import Context, Fatal, handler

ROOT_VARIABLE = "PICTURES_ROOT"
_FOLDER = "thumbnails"
_MOST_PIXELS = 50_000_000

Width = Annotated[int, Field(ge=16, le=4_096)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=8)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A file that was written, below the directory of the pictures."""

    path: str
    width: int
    height: int
    size: int


@handler("pictures.thumbnails", isolation="process", timeout=60, max_attempts=2)
def thumbnails(path: str, ctx: Context, widths: Widths | None = None) -> list[Thumbnail]:
    """Make thumbnails of one image.

    `path` is relative to the directory `PICTURES_ROOT`; one file for each of the `widths` is written into its folder
    `thumbnails`. A picture is never made larger than it is, and stands as its camera was held.
    """
    root = _root()
    picture = _opened(root, path)
    wanted = sorted(set(widths or [160, 320]), reverse=True)
    made = []
    for number, width in enumerate(wanted, 1):
        picture.thumbnail((width, picture.height), Image.Resampling.LANCZOS)
        target = root / _FOLDER / f"{Path(path).stem}-{width}.webp"
        made.append(_written(picture, target, root))
        ctx.progress(number / len(wanted), f"{width} pixels wide")
    return made


def _opened(root: Path, path: str) -> Image.Image:
    """The picture in memory, upright."""
    file = (root / path).resolve()
    if not file.is_relative_to(root):
        raise Fatal(f"{path} leads out of the directory of this service.")
    try:
        # A small file may unfold into more pixels than there is memory for.
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(file) as picture,
        ):
            if picture.width * picture.height > _MOST_PIXELS:
                raise Fatal(f"{path} has {picture.width} by {picture.height} pixels; {_MOST_PIXELS} are the most.")
            return ImageOps.exif_transpose(picture).convert("RGBA" if picture.has_transparency_data else "RGB")
    except UnidentifiedImageError as error:
        raise Fatal(f"{path} is not an image that can be read.") from error
    except (FileNotFoundError, IsADirectoryError) as error:
        raise Fatal(f"There is no file {path}.") from error


def _written(picture: Image.Image, target: Path, root: Path) -> Thumbnail:
    """Write the picture, whole or not at all: the task may be repeated while somebody reads the file."""
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}.part")
    picture.save(unfinished, format="WEBP", quality=82)
    unfinished.replace(target)
    size = target.stat().st_size
    return Thumbnail(path=str(target.relative_to(root)), width=picture.width, height=picture.height, size=size)


def _root() -> Path:
    value = os.environ.get(ROOT_VARIABLE)
    if not value:
        raise Fatal(f"{ROOT_VARIABLE} is not set: it names the directory of the pictures.")
    return Path(value).resolve()
