"""The load generator as a process of its own: takes an order as JSON, prints a report as JSON."""

import json
import sys
import time

import uvloop

from benchmarks.load.order import Order
from benchmarks.load.run import run


def main() -> None:
    """Run the order of the command line."""
    order = Order.from_json(sys.argv[1])
    begin = time.process_time()
    report = uvloop.run(run(order))
    print(json.dumps(report | {"cpu_seconds": time.process_time() - begin}))


if __name__ == "__main__":
    main()
