# examples/migrating/from_celery/after.py
import os
from pathlib import Path

from narad import Context, handler


@handler("invoices.render", timeout=60, max_attempts=5, retry_on=(OSError,))
def render_invoice(order: int, cents: int, ctx: Context, currency: str = "EUR") -> dict[str, str | int]:
    """Render an invoice."""
    ctx.progress(0.5, "rendering")
    file = Path(os.environ["OUTBOX"]) / f"invoice-{order}.txt"
    file.write_text(f"Invoice {order}: {cents / 100:.2f} {currency}\n")
    return {"file": file.name, "size": file.stat().st_size}
