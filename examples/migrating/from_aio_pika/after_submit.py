# examples/migrating/from_aio_pika/after_submit.py
import asyncio

from narad import AsyncClient


async def submit(**payload: object) -> None:
    async with AsyncClient() as narad:
        task = await narad.tasks.create("invoices.render", payload)
        print(task.id)


asyncio.run(submit(order=7, cents=1999))
