# examples/migrating/from_aio_pika/bridge.py
import asyncio
import json
import os

import aio_pika

from narad import AsyncClient
from narad.client import ValidationFailed


async def main() -> None:
    connection = await aio_pika.connect_robust(os.environ["BROKER_URL"])
    async with AsyncClient() as narad, connection, connection.channel() as channel:
        await channel.set_qos(prefetch_count=10)
        queue = await channel.declare_queue("invoices", durable=True)
        async with queue.iterator() as messages:
            async for message in messages:
                try:
                    await narad.tasks.create(
                        "invoices.render", json.loads(message.body), idempotency_key=message.message_id or ""
                    )
                except (ValueError, ValidationFailed) as error:
                    print(f"{message.message_id} is no invoice: {error}")
                    await message.reject()
                else:
                    await message.ack()  # only now: the task is stored


asyncio.run(main())
