# examples/migrating/from_celery/before.py
import os
from pathlib import Path

from celery import Celery

app = Celery("shop", broker=os.environ["BROKER_URL"], backend="rpc://")
app.conf.task_acks_late = True  # else a worker that dies takes its tasks with it


@app.task(bind=True, name="invoices.render", autoretry_for=(OSError,), retry_backoff=True, max_retries=4, time_limit=60)
def render_invoice(self, order, cents, currency="EUR"):
    self.update_state(state="PROGRESS", meta={"done": 0.5})
    file = Path(os.environ["OUTBOX"]) / f"invoice-{order}.txt"
    file.write_text(f"Invoice {order}: {cents / 100:.2f} {currency}\n")
    return {"file": file.name, "size": file.stat().st_size}
