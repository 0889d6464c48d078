# examples/migrating/from_aio_pika/after.py
import asyncio
import os
from pathlib import Path

from narad import handler


@handler("invoices.render", max_attempts=5, timeout=60, retry_on=(OSError,))
async def render_invoice(order: int, cents: int, currency: str = "EUR") -> str:
    """Render an invoice."""
    file = Path(os.environ["OUTBOX"]) / f"invoice-{order}.txt"
    await asyncio.to_thread(file.write_text, f"Invoice {order}: {cents / 100:.2f} {currency}\n")
    return file.name
