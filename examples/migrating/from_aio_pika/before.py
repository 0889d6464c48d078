# examples/migrating/from_aio_pika/before.py
import asyncio
import json
import os
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

MOST_ATTEMPTS = 5


async def render_invoice(order: int, cents: int, currency: str = "EUR") -> None:
    file = Path(os.environ["OUTBOX"]) / f"invoice-{order}.txt"
    await asyncio.to_thread(file.write_text, f"Invoice {order}: {cents / 100:.2f} {currency}\n")


async def main() -> None:
    connection = await aio_pika.connect_robust(os.environ["BROKER_URL"])
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=10)
    queue = await channel.declare_queue("invoices", durable=True)

    async def consume(message: AbstractIncomingMessage) -> None:
        async with message.process():  # what fails for good is gone
            attempt = int(str(message.headers.get("attempt", 1)))
            try:
                async with asyncio.timeout(60):
                    await render_invoice(**json.loads(message.body))
            except OSError:
                if attempt == MOST_ATTEMPTS:
                    raise
                again = aio_pika.Message(
                    message.body, headers={"attempt": attempt + 1}, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                )
                await channel.default_exchange.publish(again, routing_key="invoices")

    await queue.consume(consume)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
