"""Case `submit`: accepting tasks, one by one next to the route that stores nothing, and in batches."""

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.empty_route import GREETING
from benchmarks.figures import Figure
from benchmarks.http_client import Client
from benchmarks.load.order import Order
from benchmarks.loading import PATH, TASK, put_load, task_order
from benchmarks.processes import Program, pid_in
from benchmarks.scale import Scale
from benchmarks.scene import Scene, Stage
from tests.support.processes import NaradProcess

_CHART = "submit"
_UNIT = "tasks/s"
_NARAD = "Narad"
_APART = "Narad with its relay apart"
_START_SECONDS = 30.0
_BATCH_CONNECTIONS = 4
_ABSENT = frozenset({404, 405})


def run(scene: Scene, scale: Scale) -> list[Figure]:
    """Rates of acceptance; each number of connections meets both servers in turn."""
    with scene.stage() as stage:
        api, empty = stage.api(), stage.module("benchmarks.empty_route")
        figures = list(_beside_empty_route(stage, scale, _NARAD, api, empty))
        empty.stop()
        figures += _two_processes(stage, scale, api)
    with scene.stage() as stage:
        api, empty = stage.api_alone(), stage.module("benchmarks.empty_route")
        figures += _beside_empty_route(stage, scale, _APART, api, empty)
    with scene.stage() as stage:
        figures += _batches(stage, scale, stage.api())
    return figures


def _beside_empty_route(stage: Stage, scale: Scale, who: str, api: NaradProcess, empty: Program) -> Iterator[Figure]:
    narad = (port_of(api), pid_in(api.directory))
    bare = (int(empty.wait_for(rf"^{GREETING} (\d+)$", _START_SECONDS)), pid_in(empty.directory))
    for connections in scale.connections:
        empty_route = f"empty route beside {who}"
        reports: dict[str, list[dict[str, Any]]] = {who: [], empty_route: []}
        for _ in range(scale.runs):
            for name, (port, pid) in ((empty_route, bare), (who, narad)):
                order = task_order(scale, (port,), connections)
                reports[name].append(put_load(stage, order, watched=pid))
        for name, of_name in reports.items():
            yield _figure(f"{name}, {connections} connections", of_name, series=name, x=connections)
        rates = [[report["per_second"] for report in of_name] for of_name in reports.values()]
        ratios = [100 * mine / bare for mine, bare in zip(*rates, strict=True)]
        yield Figure(name=f"{who} of the empty route, {connections} connections", unit="%", runs=ratios)
        yield _generator(
            f"load generator beside {who}, by its own processor time, {connections} connections", reports[empty_route]
        )


def _two_processes(stage: Stage, scale: Scale, api: NaradProcess) -> Iterator[Figure]:
    ports = (port_of(api), port_of(stage.api()))
    connections = scale.connections[-1]
    reports = [put_load(stage, task_order(scale, ports, connections)) for _ in range(scale.runs)]
    yield _figure(f"Narad, 2 processes, {connections} connections", reports)


def _batches(stage: Stage, scale: Scale, api: NaradProcess) -> Iterator[Figure]:
    with Client(api.url) as client:
        if client.status("POST", f"{PATH}/batch", _batch(1)) in _ABSENT:
            print("  this version takes no batches: left out")
            return
    for size in scale.batches:
        order = Order(
            ports=(port_of(api),),
            path=f"{PATH}/batch",
            body=_batch(size),
            connections=_BATCH_CONNECTIONS,
            seconds=scale.load_seconds,
            warm_up_seconds=scale.load_warm_up_seconds,
        )
        reports = [put_load(stage, order, watched=pid_in(api.directory)) for _ in range(scale.runs)]
        yield _figure(f"Narad, batches of {size}, {_BATCH_CONNECTIONS} connections", reports, tasks=size)


def _figure(
    name: str, reports: list[dict[str, Any]], *, series: str = "", x: float | None = None, tasks: int = 1
) -> Figure:
    rates = [report["per_second"] * tasks for report in reports]
    latencies = [report["latency"] for report in reports]
    note = f"p50 {1000 * latencies[0]['p50']:.1f} ms, p99 {1000 * latencies[0]['p99']:.1f} ms"
    chart = _CHART if series else ""
    details = {"note": note, "reports": reports}
    return Figure(
        name=name, unit=_UNIT, runs=rates, chart=chart, series=series, x=x, x_unit="connections", details=details
    )


def _generator(name: str, reports: list[dict[str, Any]]) -> Figure:
    """How many requests per second the generator could make with a core of its own: it must be far from the limit."""
    return Figure(name=name, unit="requests/s", runs=[report["answers"] / report["cpu_seconds"] for report in reports])


def _batch(size: int) -> str:
    return json.dumps({"items": [json.loads(TASK)] * size})


def port_of(api: NaradProcess) -> int:
    """The port that an API listens on."""
    return int(api.url.rpartition(":")[2])
