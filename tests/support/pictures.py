"""Pictures of the dashboard for the documentation, of a service whose clock stands still at the end of a day."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image
from playwright.sync_api import Browser, expect

from narad.runtime import Role, build
from narad.settings import Settings
from narad.testing.clock import FrozenClock
from tests.support.browser import opened
from tests.support.repository import ROOT
from tests.support.shop_day import AT, REPORT, day, live_through

IMAGES: Final = ROOT / "docs" / "images"
WIDTH: Final = 1_280
MOST_BYTES: Final = 150_000
Scheme = Literal["light", "dark"]
_COLOURS = 128
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A page to be pictured, and how much of it from its top."""

    name: str
    path: str
    height: int

    def file(self, scheme: Scheme) -> Path:
        """Where the repository has it."""
        return IMAGES / f"{self.name}-{scheme}.png"


PICTURES: Final = (
    Picture("overview", "/ui?range=24h", 1_100),
    Picture("tasks", "/ui/tasks", 800),
    Picture("task", f"/ui/tasks/{REPORT}", 800),
    Picture("failures", "/ui/failures", 630),
)


@contextmanager
def service_of_the_day(directory: Path) -> Iterator[str]:
    """The address of a service that holds the day, and in which nothing goes on, so that the day does not change."""
    loop, stop, address = asyncio.new_event_loop(), asyncio.Event(), Future[str]()

    def live() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(_serve(f"sqlite:///{directory}/day.db", address, stop))
        except BaseException as error:
            if address.done():
                raise
            address.set_exception(error)
        finally:
            loop.close()

    thread = threading.Thread(target=live, name="pictured service", daemon=True)
    thread.start()
    try:
        yield address.result(_START_SECONDS)
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
            thread.join(_START_SECONDS)


async def _serve(database_url: str, address: Future[str], stop: asyncio.Event) -> None:
    values: dict[str, Any] = {"database_url": database_url, "port": 0}
    settings = Settings(_env_file=None, **values)
    runtime = await build(settings, frozenset({Role.API}), migrates=True, clock=FrozenClock(AT))
    await live_through(runtime.store, day())
    await runtime.start()
    try:
        assert runtime.server is not None
        address.set_result(runtime.server.url)
        await stop.wait()
    finally:
        await runtime.stop()


def take(browser: Browser, url: str, picture: Picture, scheme: Scheme) -> bytes:
    """The picture of a page as a small PNG."""
    options = {"viewport": {"width": WIDTH, "height": picture.height}, "timezone_id": "UTC"}
    with opened(browser, url, color_scheme=scheme, reduced_motion="reduce", **options) as (page, _):
        page.clock.set_fixed_time(AT)
        page.goto(picture.path)
        expect(page.locator("#stream")).to_have_attribute("data-state", "live")
        for chart in page.locator("narad-chart").all():
            expect(chart.locator("canvas")).to_be_visible()
        return _small(page.screenshot(animations="disabled"))


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(BytesIO(png)) as image:
        return image.size


def _small(png: bytes) -> bytes:
    """The same picture with fewer colours."""
    with Image.open(BytesIO(png)) as image:
        fewer = image.convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    made = BytesIO()
    fewer.save(made, "PNG", optimize=True)
    return made.getvalue()
