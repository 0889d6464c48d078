"""What the benchmarks compute, keep and read off the wire, since nobody would notice a wrong figure."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import plots, results, table
from benchmarks.figures import Figure, percentile, percentiles, shown_number
from benchmarks.load.connection import Connection
from benchmarks.load.order import Order
from benchmarks.load.run import run
from benchmarks.results import Result

FACTS = {
    "cpu": "a cpu", "cores": 2, "memory_gb": 8, "python": "3.11", "postgresql": "15", "rabbitmq": "3.10",
    "revision": "abc", "changed": False,
}  # fmt: skip


def result(case: str, *figures: Figure) -> Result:
    """The result of a case on some machine."""
    return Result(case=case, ran_at="2026-01-01", machine=FACTS, settings={}, figures=list(figures))


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1, 100)])
def test_a_percentile_is_the_least_value_that_covers_the_share(share: float, expected: int) -> None:
    assert percentile(range(1, 101), share) == expected


def test_percentiles_of_one_value_are_that_value() -> None:
    assert percentiles([7]) == {"p50": 7, "p95": 7, "p99": 7, "max": 7}


def test_a_figure_tells_median_and_spread_of_its_runs() -> None:
    figure = Figure(name="a rate", unit="tasks/s", runs=[90, 100, 120])

    assert figure.median == 100
    assert figure.spread == pytest.approx(0.3)


@pytest.mark.parametrize(("value", "shown"), [(12345.6, "12 346"), (12.34, "12.3"), (1.234, "1.23"), (0, "0.00")])
def test_numbers_are_shown_with_the_digits_that_matter(value: float, shown: str) -> None:
    assert shown_number(value) == shown


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    drain = result("drain", Figure(name="a", unit="tasks/s", runs=[1, 2], chart="drain", details={"note": "so"}))

    results.write(drain, tmp_path)

    assert results.read_all(tmp_path) == [drain]


def test_a_case_that_is_run_again_replaces_its_own_result_alone(tmp_path: Path) -> None:
    for case, rate in (("drain", 1), ("submit", 2), ("drain", 3)):
        results.write(result(case, Figure(name="rate", unit="tasks/s", runs=[rate])), tmp_path)

    found = {one.case: one.figures[0].median for one in results.read_all(tmp_path)}

    assert found == {"drain": 3, "submit": 2}


def test_the_table_and_the_pictures_show_every_figure(tmp_path: Path) -> None:
    bars = [Figure(name=name, unit="tasks/s", runs=[10, 20], chart="drain") for name in ("one", "other")]
    line = [Figure(name=f"at {x}", unit="ms", runs=[x], chart="load", series="p50", x=x) for x in (1, 10)]
    found = [result("drain", *bars), result("end_to_end", *line)]

    table.write(found, tmp_path)
    plots.write(found, tmp_path)

    page = (tmp_path / "README.md").read_text()
    for shown in ("| one |", "| other |", "| at 10 |", "![drain](drain.png)", "![load](load.png)"):
        assert shown in page
    assert {path.name for path in tmp_path.glob("*.png")} == {"drain.png", "load.png"}


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_an_answer_is_read_whole_whatever_its_pieces(size: int) -> None:
    statuses: list[int] = []
    connection = Connection(b"", lambda _connection, status: statuses.append(status))
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\nHTTP/1.1 5\n"

    for begin in [*range(0, len(answer), size)] * 2:
        connection.data_received(answer[begin : begin + size])

    assert statuses == [201, 201]


@pytest.mark.parametrize("rate", [None, 200.0])
async def test_load_is_put_on_a_server_and_reported(rate: float | None) -> None:
    seen: list[bytes] = []
    ended = asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                seen.append(await reader.readexactly(2))
                writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")
        writer.close()
        await writer.wait_closed()
        ended.release()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        order = Order(ports=(port,), path="/", body=json.dumps({}), connections=2, seconds=0.3, rate=rate)
        report = await run(Order.from_json(order.to_json()))
        await ended.acquire()
        await ended.acquire()

    assert set(seen) == {b"{}"}
    assert report["statuses"] == {"201": report["requests"]}
    assert len(seen) == report["answers"] >= report["requests"] > 3
    if rate is not None:
        assert report["per_second"] <= rate * 1.1
