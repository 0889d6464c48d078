# examples/migrating/from_dramatiq/before.py
import os
from pathlib import Path

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

dramatiq.set_broker(RabbitmqBroker(url=os.environ["BROKER_URL"], confirm_delivery=True))


@dramatiq.actor(queue_name="invoices", max_retries=4, min_backoff=2_000, time_limit=60_000, throws=(ValueError,))
def render_invoice(order, cents, currency="EUR"):
    if cents < 0:
        raise ValueError("an invoice is for money that we get")
    file = Path(os.environ["OUTBOX"]) / f"invoice-{order}.txt"
    file.write_text(f"Invoice {order}: {cents / 100:.2f} {currency}\n")
