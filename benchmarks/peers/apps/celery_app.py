"""Celery: RabbitMQ as broker, results in PostgreSQL through SQLAlchemy."""

import os
import sys

from celery import Celery

app = Celery(
    "peer",
    broker=os.environ["BENCH_BROKER_URL"],
    backend="db+" + os.environ["BENCH_DATABASE_URL"],
)
app.conf.update(
    task_ignore_result=False,
    # "If you have many short-duration tasks ... experiment with values like 50 or 150" (its guide to optimizing).
    worker_prefetch_multiplier=100,
)


@app.task(name="noop", ignore_result=False)
def noop(n: int) -> dict[str, int]:
    """Return the payload."""
    return {"n": n}


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        noop.delay(n=1)
