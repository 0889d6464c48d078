"""Dramatiq: RabbitMQ, no results. Its actor notes when the first and the last message were processed."""

import itertools
import os
import sys
import time
from pathlib import Path

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

# Without confirms messages are lost now and then, and the count is never reached.
dramatiq.set_broker(RabbitmqBroker(url=os.environ["BENCH_BROKER_URL"], confirm_delivery=True))

_COUNT = int(os.environ["BENCH_COUNT"])
_numbers = itertools.count(1)
_first: list[float] = []


@dramatiq.actor
def noop(n: int) -> dict[str, int]:
    """Return the payload; the last of all writes down how many seconds passed since the first."""
    number = next(_numbers)  # atomic
    if number == 1:
        _first.append(time.perf_counter())
    elif number == _COUNT:
        Path("seconds").write_text(str(time.perf_counter() - _first[0]), encoding="ascii")
    return {"n": n}


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        noop.send(n=1)
