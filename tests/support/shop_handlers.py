"""The handlers of a web shop, as the catalogue of the pictured day has them: nothing runs them."""

from typing import Literal

from narad import handler
from narad.worker.handler import AnyHandler

Language = Literal["de", "en", "fr"]


@handler("images.thumbnail", queue="images", timeout=120, max_attempts=5)
async def thumbnail(url: str, width: int = 320) -> dict[str, int]:
    """Make a thumbnail of a picture."""
    return {"width": width, "length": len(url)}


@handler("invoices.render", max_attempts=3)
async def render(invoice: str, language: Language = "en") -> str:
    """Render an invoice as PDF."""
    return f"{invoice}.{language}.pdf"


@handler("mail.send", max_attempts=4)
async def send(to: str, template: str) -> str:
    """Send a mail."""
    return f"{template} to {to}"


@handler("payments.capture", priority="HIGH", max_attempts=6)
async def capture(order: str, cents: int) -> str:
    """Capture a payment that was authorised."""
    return f"{order}: {cents}"


@handler("reports.monthly", queue="reports", priority="LOW", timeout=7_200, max_attempts=2)
async def monthly(month: str, regions: list[str]) -> str:
    """Write the report of a month."""
    return f"{month}: {len(regions)} regions"


@handler("search.reindex", queue="reports", priority="LOW", timeout=3_600, max_attempts=3)
async def reindex(index: str) -> int:
    """Build an index of the search anew."""
    return len(index)


SHOP: tuple[AnyHandler, ...] = (thumbnail, render, send, capture, monthly, reindex)
