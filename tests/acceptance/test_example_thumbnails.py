"""The example `examples/thumbnails.py` on real images, through a real service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.support.service import Embedded
from tests.support.tasks_api import TasksApi

HANDLER = "pictures.thumbnails"
ORIENTATION = 0x0112
ROTATED = 6
RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(width: int, height: int) -> Image.Image:
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), fill=BLUE)
    return image


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with pictures, and more around it."""
    root = tmp_path_factory.mktemp("pictures") / "root"
    (root / "covers").mkdir(parents=True)
    halves(1_200, 800).save(root / "covers" / "photo.jpg", quality=95)
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED
    halves(800, 400).save(root / "turned.jpg", exif=exif)
    Image.new("RGBA", (500, 500), (0, 0, 0, 0)).save(root / "clear.png")
    halves(640, 480).convert("P").save(root / "palette.gif")
    Image.new("1", (9_000, 9_000)).save(root / "huge.png")
    (root / "torn.jpg").write_bytes((root / "covers" / "photo.jpg").read_bytes()[:5_000])
    (root / "text.jpg").write_text("no image at all")
    halves(10, 10).save(root.parent / "secret.png")
    return root


@pytest.fixture(scope="module")
def api(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TasksApi]:
    """A service for the pictures of the directory."""
    directory = tmp_path_factory.mktemp("thumbnails") / "service"
    service = Embedded(directory, NARAD_HANDLERS="examples.thumbnails", PICTURES_ROOT=str(root))
    try:
        service.start()
        yield service.api
    finally:
        service.close()


def is_like(seen: object, wanted: tuple[int, int, int]) -> bool:
    """Whether a colour is the wanted one, but for the losses of compression."""
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 40 for one, other in zip(seen, wanted, strict=True))


def test_a_photograph_becomes_smaller_and_stays_what_it_is(api: TasksApi, root: Path) -> None:
    task = api.create(HANDLER, {"path": "covers/photo.jpg", "widths": [160, 320]})

    done = api.wait_for(task["id"], "COMPLETED")

    assert [(one["path"], one["width"], one["height"]) for one in done["result"]] == [
        ("thumbnails/photo-320.webp", 320, 213),
        ("thumbnails/photo-160.webp", 160, 107),
    ]
    assert done["progress"] == {"value": 1.0, "message": "160 pixels wide"}
    for one in done["result"]:
        file = root / one["path"]
        assert file.stat().st_size == one["size"]
        with Image.open(file) as image:
            assert (image.format, *image.size) == ("WEBP", one["width"], one["height"])
            assert is_like(image.convert("RGB").getpixel((10, 50)), RED)
            assert is_like(image.convert("RGB").getpixel((one["width"] - 10, 50)), BLUE)
    assert not list((root / "thumbnails").glob("*.part"))


def test_it_stands_as_the_camera_was_held(api: TasksApi, root: Path) -> None:
    task = api.create(HANDLER, {"path": "turned.jpg", "widths": [100]})

    (one,) = api.wait_for(task["id"], "COMPLETED")["result"]

    assert (one["width"], one["height"]) == (100, 200)
    with Image.open(root / one["path"]) as image:
        assert is_like(image.convert("RGB").getpixel((50, 20)), RED)
        assert is_like(image.convert("RGB").getpixel((50, 180)), BLUE)


def test_what_is_transparent_stays_so_and_nothing_is_made_larger(api: TasksApi, root: Path) -> None:
    clear, palette = (api.create(HANDLER, {"path": path, "widths": [4_096]}) for path in ("clear.png", "palette.gif"))

    (transparent,) = api.wait_for(clear["id"], "COMPLETED")["result"]
    (flat,) = api.wait_for(palette["id"], "COMPLETED")["result"]

    assert (transparent["width"], flat["width"]) == (500, 640)
    with Image.open(root / transparent["path"]) as image:
        pixel = image.convert("RGBA").getpixel((5, 5))
        assert isinstance(pixel, tuple)
        assert pixel[3] == 0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("text.jpg", "text.jpg is not an image that can be read."),
        ("huge.png", "huge.png has 9000 by 9000 pixels; 50000000 are the most."),
        ("none.png", "There is no file none.png."),
        ("covers", "There is no file covers."),
        ("../secret.png", "../secret.png leads out of the directory of this service."),
    ],
)
def test_what_can_never_become_one_fails_at_once(api: TasksApi, path: str, message: str) -> None:
    failed = api.wait_for(api.create(HANDLER, {"path": path})["id"], "FAILED")

    assert (failed["attempt"], failed["error"]["type"], failed["error"]["message"]) == (1, "Fatal", message)


def test_a_torn_file_is_tried_again_for_it_may_still_be_written(api: TasksApi) -> None:
    failed = api.wait_for(api.create(HANDLER, {"path": "torn.jpg"})["id"], "FAILED")

    assert (failed["attempt"], failed["error"]["type"]) == (2, "OSError")


@pytest.mark.parametrize("widths", [[], [8], [5_000], [100] * 9, ["wide"]])
def test_widths_out_of_bounds_are_refused_before_anything_runs(api: TasksApi, widths: list[object]) -> None:
    answer = api.post({"name": "t", "handler": HANDLER, "payload": {"path": "covers/photo.jpg", "widths": widths}})

    assert answer.status_code == 422
    assert "/payload/widths" in answer.text
