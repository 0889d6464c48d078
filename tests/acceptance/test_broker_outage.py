"""RabbitMQ goes away and comes back: tasks are accepted and run all the same."""

import time
from collections.abc import Iterator

import pytest

from tests.support.processes import NaradProcess
from tests.support.servers import Rabbit, servers
from tests.support.service import Distributed, StartDistributed
from tests.support.tasks_api import wait_until

PROMPT_SECONDS = 1.0


@pytest.fixture(scope="module")
def broker() -> Iterator[Rabbit]:
    """A RabbitMQ that these tests may stop without disturbing others."""
    server = servers().rabbit()
    try:
        server.start()
        yield server
    finally:
        server.close()


def create_promptly(service: Distributed, tag: str, number: int = 20) -> None:
    """Create tasks, each of which must be accepted at once."""
    for n in range(number):
        started = time.monotonic()
        service.api.create("demo.echo", {"n": n}, priority=("LOW", "MEDIUM", "HIGH")[n % 3], tags=[tag])
        assert time.monotonic() - started < PROMPT_SECONDS


def statuses(service: Distributed, tag: str) -> set[str]:
    return {task["status"] for task in service.api.list_all(tag=tag)}


def assert_completed_by(service: Distributed, tag: str, worker: NaradProcess) -> None:
    """Every task is completed by its first attempt, on this worker."""
    done = service.api.wait_until_done(tag)
    assert {(task["status"], task["attempt"], task["worker_id"]) for task in done} == {
        ("COMPLETED", 1, worker.worker_id)
    }


def is_connected(process: NaradProcess) -> bool:
    """Whether the latest news of each of its connections is a good one."""
    latest = {event["purpose"]: event["event"] for event in process.events() if "purpose" in event}
    return set(latest.values()) == {"broker.connected"}


@pytest.mark.serial
def test_tasks_are_accepted_and_run_while_the_broker_is_away_and_when_it_is_back(
    start_distributed: StartDistributed, broker: Rabbit, tag: str
) -> None:
    service = start_distributed(broker=broker, workers=1)
    (first,) = service.workers
    wait_until(lambda: all(is_connected(process) for process in service.processes), "all are connected")
    broker.stop()
    wait_until(lambda: all(process.events("broker.lost") for process in service.processes), "all have noticed")

    # Requests go on coming here.
    ready = service.api.http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["checks"]["broker"].startswith("degraded: ")

    # Workers that lost their broker go on with tasks from the store, and stop in order.
    create_promptly(service, f"{tag}-1")
    assert_completed_by(service, f"{tag}-1", first)
    assert first.stop() == 0

    # Without any worker the tasks wait; a worker that starts without a broker runs them.
    create_promptly(service, f"{tag}-2")
    assert statuses(service, f"{tag}-2") == {"NEW"}
    (second,) = service.start_workers()
    assert_completed_by(service, f"{tag}-2", second)
    assert second.stop() == 0

    # What waited for broker and workers runs when both are there, and push resumes.
    create_promptly(service, f"{tag}-3")
    broker.start()
    (third,) = service.start_workers()
    assert_completed_by(service, f"{tag}-3", third)
    api = service.processes[0]
    wait_until(lambda: is_connected(api) and is_connected(third), "both are connected again")
    task = service.api.create("demo.echo")
    service.api.wait_for(task["id"], "COMPLETED", seconds=5)
