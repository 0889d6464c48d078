"""Many tasks through one API, RabbitMQ and two workers: all are done, each attempt is run once."""

from collections import Counter

from tests.support.handlers import RECORDS
from tests.support.service import Service, StartDistributed
from tests.support.tasks_api import Json, submit_all

TASKS = 2_000
PRIORITIES = ("LOW", "MEDIUM", "HIGH")


def runs(service: Service) -> Counter[tuple[str, str]]:
    """How often each attempt of each task was started, as the handlers themselves wrote it down."""
    lines = [line for file in service.shared.glob(RECORDS) for line in file.read_text().splitlines()]
    return Counter((task_id, attempt) for task_id, _, attempt in (line.partition(" ") for line in lines))


async def test_many_tasks_are_all_completed_and_none_runs_twice(start_distributed: StartDistributed, tag: str) -> None:
    service = start_distributed()
    bodies: list[Json] = [
        {"name": f"task {n}", "handler": "tests.record", "priority": PRIORITIES[n % 3], "tags": [tag]}
        for n in range(TASKS)
    ]

    created = await submit_all(service.api.url, bodies)
    done = service.api.wait_until_done(tag)

    assert len(set(created)) == TASKS
    assert {task["id"] for task in done} == set(created)
    assert Counter(task["status"] for task in done) == {"COMPLETED": TASKS}
    assert runs(service) == Counter((task_id, "1") for task_id in created)
    shares = Counter(task["worker_id"] for task in done)
    assert set(shares) == {worker.worker_id for worker in service.workers}
    assert min(shares.values()) > TASKS / 10
