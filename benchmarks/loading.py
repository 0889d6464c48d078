"""Putting load on an HTTP server, and telling who was busy meanwhile."""

from typing import Any

from benchmarks.load.order import Order
from benchmarks.processes import cpu_seconds
from benchmarks.scale import Scale
from benchmarks.scene import Stage

PATH = "/api/v1/tasks"
TASK = '{"name": "Benchmark", "handler": "demo.echo", "payload": {"n": 1}}'
_GRACE_SECONDS = 60.0


def put_load(stage: Stage, order: Order, *, watched: int | None = None) -> dict[str, Any]:
    """Carry out an order with a generator of its own.

    Returns its report, with `generator_cpu`, the share of one core that the generator itself needed, and, where the id
    of a process is given in `watched`, with `server_cpu`, that of the process.

    Raises:
        AssertionError: an answer was not 201, or none came.
    """
    before = cpu_seconds(watched) if watched is not None else 0.0
    program = stage.module("benchmarks.load", order.to_json())
    report: dict[str, Any] = program.result(order.warm_up_seconds + order.seconds + _GRACE_SECONDS)
    if set(report["statuses"]) != {"201"}:
        raise AssertionError(f"answers to {order.path}: {report['statuses']}")
    wall = report["wall_seconds"]
    report["generator_cpu"] = round(report["cpu_seconds"] / wall, 3)
    if watched is not None:
        report["server_cpu"] = round((cpu_seconds(watched) - before) / wall, 3)
    return report


def task_order(scale: Scale, ports: tuple[int, ...], connections: int) -> Order:
    """Single tasks in a closed loop."""
    return Order(
        ports=ports,
        path=PATH,
        body=TASK,
        connections=connections,
        seconds=scale.load_seconds,
        warm_up_seconds=scale.load_warm_up_seconds,
    )
