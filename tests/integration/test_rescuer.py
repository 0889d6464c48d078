"""The rescuer and a database that comes back: leases could not be renewed, and prove nothing yet."""

import asyncio

from narad.clock import SystemClock
from narad.domain.retry import RetryPolicy
from narad.tally import Tally
from narad.upkeep.rescuer import Patience, Rescuer
from tests.support.proxy import Proxy
from tests.support.servers import Postgres
from tests.support.stores import LEASE, opened
from tests.support.tasks import new_task, new_worker

CLOCK = SystemClock()
PATIENCE = Patience(lease_seconds=0.5, overrun_seconds=60, pause_seconds=0.01)
# Longer than the lease and shorter than a statement may wait: the rescuer is not told of this outage by an error.
OUTAGE_SECONDS = 1.0
STATEMENT_SECONDS = 10.0


async def test_after_an_outage_nobody_is_declared_lost_for_a_whole_lease(
    postgres_url: str, postgres_server: Postgres
) -> None:
    with Proxy(postgres_server.port) as network:
        async with (
            opened(postgres_url) as store,
            opened(network.url(postgres_url), timeout_seconds=STATEMENT_SECONDS) as far_store,
        ):
            long_ago = CLOCK.now() - LEASE * 2
            task, worker = new_task(created_at=long_ago), new_worker()
            await store.workers.register(worker, now=long_ago)
            await store.tasks.insert([task])
            await store.attempts.claim([task.id], worker_id=worker.id, now=long_ago)
            await asyncio.to_thread(network.black_hole)
            rescuer = Rescuer(far_store, CLOCK, Tally(), patience=PATIENCE, policy=RetryPolicy())
            await rescuer.start()
            await asyncio.sleep(OUTAGE_SECONDS)

            back_at = CLOCK.monotonic()
            await asyncio.to_thread(network.heal)
            async with asyncio.timeout(STATEMENT_SECONDS):
                while await store.attempts.running(worker.id):  # noqa: ASYNC110 - no event tells of it
                    await asyncio.sleep(0.01)
            await rescuer.stop()

    assert CLOCK.monotonic() - back_at >= PATIENCE.lease_seconds
