"""Carrying out an order: the closed loop and the open loop."""

import asyncio
import time
from array import array
from collections import Counter, deque
from functools import partial
from typing import Any

from benchmarks.figures import percentiles
from benchmarks.load.connection import Connection
from benchmarks.load.order import Order

_TICK_SECONDS = 0.001
_LAST_ANSWERS_SECONDS = 30.0
_CREATED = 201


class _Run:
    """The state of a running order; the clock is `time.perf_counter`."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.counts_from = time.perf_counter() + order.warm_up_seconds
        self.ends = self.counts_from + order.seconds
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.answers = 0
        self.connections: list[Connection] = []
        self.idle: deque[Connection] = deque()
        self.waiting: deque[float] = deque()
        self.done = asyncio.Event()

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for number in range(self.order.connections):
            port = self.order.ports[number % len(self.order.ports)]
            make = partial(Connection, self.order.request(port), self.answered)
            _, connection = await loop.create_connection(make, "127.0.0.1", port)
            self.connections.append(connection)

    def answered(self, connection: Connection, status: int) -> None:
        """Note an answer, and have the connection send what is next."""
        now = time.perf_counter()
        self.answers += 1
        if connection.started >= self.counts_from and now <= self.ends:
            self.latencies.append(now - connection.started)
            self.statuses[status] += 1
        if status == 0:
            self.statuses[0] += 1
            self.done.set()
        elif self.order.rate is not None:
            self._next_open(connection)
        elif now < self.ends:
            connection.send(now)
        else:
            self._rest(connection)

    def _next_open(self, connection: Connection) -> None:
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self._rest(connection)

    def _rest(self, connection: Connection) -> None:
        self.idle.append(connection)
        if len(self.idle) == len(self.connections) and time.perf_counter() >= self.ends:
            self.done.set()

    async def start_at_pace(self, rate: float) -> None:
        """Start requests at their times, on whichever connection is idle."""
        self.idle.extend(self.connections)
        begin, started = time.perf_counter(), 0
        while (now := time.perf_counter()) < self.ends:
            while started < (now - begin) * rate:
                at = begin + started / rate
                started += 1
                if self.idle:
                    self.idle.popleft().send(at)
                else:
                    self.waiting.append(at)
            await asyncio.sleep(_TICK_SECONDS)
        if len(self.idle) == len(self.connections):
            self.done.set()


async def run(order: Order) -> dict[str, Any]:
    """Carry out an order; returns counts, the rate of good answers per second, and latencies in seconds.

    `answers` counts all answers, `requests` those to requests that count.
    """
    state = _Run(order)
    await state.connect()
    if order.rate is None:
        now = time.perf_counter()
        for connection in state.connections:
            connection.send(now)
    else:
        await state.start_at_pace(order.rate)
    async with asyncio.timeout(order.warm_up_seconds + order.seconds + _LAST_ANSWERS_SECONDS):
        await state.done.wait()
    for connection in state.connections:
        await connection.close()
    return {
        "answers": state.answers,
        "requests": len(state.latencies),
        "statuses": {str(status): count for status, count in state.statuses.items()},
        "per_second": state.statuses[_CREATED] / order.seconds,
        "latency": percentiles(state.latencies) if state.latencies else {},
        "wall_seconds": order.warm_up_seconds + order.seconds,
    }
