# examples/migrating/from_dramatiq/after.py
import os
from pathlib import Path

from narad import Fatal, handler


@handler("invoices.render", queue="invoices", max_attempts=5, backoff_seconds=2, timeout=60)
def render_invoice(order: int, cents: int, currency: str = "EUR") -> str:
    """Render an invoice."""
    if cents < 0:
        raise Fatal("an invoice is for money that we get")
    file = Path(os.environ["OUTBOX"]) / f"invoice-{order}.txt"
    file.write_text(f"Invoice {order}: {cents / 100:.2f} {currency}\n")
    return file.name
