"""HIGH before MEDIUM before LOW, and LOW all the same."""

from narad.domain.status import Priority
from narad.worker.worker import prefetch
from tests.support.service import Service, StartDistributed, StartService
from tests.support.tasks_api import Json, wait_until

NEVER = "86400"
ONE_SLOT = {"NARAD_CONCURRENCY": "1"}
NO_AGEING = {"NARAD_AGEING_MEDIUM_SECONDS": NEVER, "NARAD_AGEING_LOW_SECONDS": NEVER}
EACH = 12
SLOTS = 4


def busy(service: Service) -> None:
    """Keep the one slot of the service busy until `let_go`."""
    holder = service.api.create("tests.hold", {"gate": "busy"})
    service.api.wait_for(holder["id"], "IN_PROGRESS")


def backlog(service: Service, tag: str, handler: str, payload: Json | None = None, **numbers: int) -> None:
    """Tasks of each priority, in the order given, all of them handed over."""
    for priority, number in numbers.items():
        for _ in range(number):
            service.api.create(handler, payload, priority=priority, tags=[tag])
    wait_until(lambda: not service.api.page(tag=tag, status="NEW", limit=1)["items"], "all tasks are handed over")


def let_go(service: Service, tag: str) -> list[str]:
    """The priorities of the tasks in the order in which they start from now on."""
    service.gate("busy").touch()
    return priorities_as_started(service, tag)


def priorities_as_started(service: Service, tag: str) -> list[str]:
    """The priorities of the tasks in the order in which they started."""
    done = service.api.wait_until_done(tag)
    return [task["priority"] for task in sorted(done, key=lambda task: str(task["started_at"]))]


def test_a_slot_takes_the_most_urgent_task_first(start_service: StartService, tag: str) -> None:
    service = start_service(**ONE_SLOT, **NO_AGEING)
    busy(service)
    backlog(service, tag, "tests.pause", LOW=EACH, MEDIUM=EACH, HIGH=EACH)

    assert let_go(service, tag) == ["HIGH"] * EACH + ["MEDIUM"] * EACH + ["LOW"] * EACH


def test_among_tasks_that_take_no_time_few_overtake(start_service: StartService, tag: str) -> None:
    service = start_service(**ONE_SLOT, **NO_AGEING)
    busy(service)
    backlog(service, tag, "demo.echo", LOW=EACH, HIGH=EACH)

    order = let_go(service, tag)

    assert order[:EACH].count("LOW") <= 2, order


def test_a_task_that_has_waited_long_gets_its_share(start_service: StartService, tag: str) -> None:
    service = start_service(
        **ONE_SLOT, NARAD_AGEING_EVERY="3", NARAD_AGEING_MEDIUM_SECONDS=NEVER, NARAD_AGEING_LOW_SECONDS="0.1"
    )
    busy(service)
    backlog(service, tag, "tests.pause", LOW=EACH, MEDIUM=EACH, HIGH=EACH)

    order = let_go(service, tag)

    while_high_waits = order[: EACH + 5]
    assert while_high_waits.count("LOW") in {5, 6}, order
    assert while_high_waits.count("MEDIUM") == 0, order


def test_urgent_tasks_overtake_a_backlog_on_many_workers(start_distributed: StartDistributed, tag: str) -> None:
    service = start_distributed(workers=0, NARAD_CONCURRENCY=str(SLOTS), **NO_AGEING)
    backlog(service, tag, "demo.simulate", {"seconds": 0.05, "steps": 1}, LOW=60, HIGH=40)

    service.start_workers(2)

    order = priorities_as_started(service, tag)
    # A worker whose own hand is empty does not see what the other holds, and that may stand still: it is at most what
    # one of them prefetches.
    held = prefetch(SLOTS)[Priority.HIGH]
    assert order[:40].count("HIGH") >= 40 - held, order
