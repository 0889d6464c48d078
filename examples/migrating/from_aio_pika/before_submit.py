# examples/migrating/from_aio_pika/before_submit.py
import asyncio
import json
import os
from uuid import uuid4

import aio_pika


async def submit(**payload: object) -> None:
    connection = await aio_pika.connect_robust(os.environ["BROKER_URL"])
    async with connection, connection.channel() as channel:
        await channel.declare_queue("invoices", durable=True)
        message = aio_pika.Message(
            json.dumps(payload).encode(), message_id=str(uuid4()), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await channel.default_exchange.publish(message, routing_key="invoices")


asyncio.run(submit(order=7, cents=1999))
