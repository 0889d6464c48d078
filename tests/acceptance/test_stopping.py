"""Processes that stop, by SIGTERM and by SIGKILL, with tasks in hand."""

import time

import pytest

from tests.support.service import StartDistributed, StartEmbedded
from tests.support.tasks_api import TasksApi

DRAIN_SECONDS = 1.0
GRACE_SECONDS = 1.0
DRAIN = {"NARAD_DRAIN_SECONDS": str(DRAIN_SECONDS), "NARAD_CANCEL_GRACE_SECONDS": str(GRACE_SECONDS)}
SHORT_LEASE = {"NARAD_LEASE_SECONDS": "2", "NARAD_HEARTBEAT_SECONDS": "0.5"}
MARGIN_SECONDS = 3.0


def running(api: TasksApi, handler: str, **payload: object) -> str:
    """The id of a task that has just started."""
    task = api.create(handler, payload)
    api.wait_for(task["id"], "IN_PROGRESS")
    return str(task["id"])


@pytest.mark.serial
def test_a_worker_ends_short_tasks_and_hands_long_ones_back(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1, **DRAIN)
    first = service.workers[0]
    long = running(service.api, "tests.hold", gate="open")
    thread = running(service.api, "tests.hold_thread", gate="open")
    short = running(service.api, "demo.simulate", seconds=0.5)
    asked_at = time.monotonic()

    first.terminate()

    assert first.wait() == 0
    assert time.monotonic() - asked_at < DRAIN_SECONDS + GRACE_SECONDS + MARGIN_SECONDS
    done = service.api.get(short)
    assert (done["status"], done["attempt"], done["worker_id"]) == ("COMPLETED", 1, first.worker_id)
    for task_id in (long, thread):
        waiting = service.api.get(task_id)
        assert (waiting["status"], waiting["attempt"]) == ("PENDING", 1)
        assert (waiting["failures"], waiting["losses"]) == (0, 0)

    (second,) = service.start_workers()
    for task_id in (long, thread):
        service.api.wait_for(task_id, "IN_PROGRESS")
    service.gate("open").touch()
    for task_id in (long, thread):
        again = service.api.wait_for(task_id, "COMPLETED")
        assert (again["attempt"], again["result"], again["worker_id"]) == (2, 2, second.worker_id)
        assert (again["failures"], again["losses"]) == (0, 0)


def test_another_worker_takes_over_while_one_drains(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1, **DRAIN)
    (first,) = service.workers
    long = running(service.api, "tests.hold", gate="open")
    (second,) = service.start_workers()

    first.terminate()
    meanwhile = service.api.create("demo.echo")
    assert service.api.wait_for(meanwhile["id"], "COMPLETED")["worker_id"] == second.worker_id
    service.gate("open").touch()

    assert service.api.wait_for(long, "COMPLETED")["failures"] == 0
    assert first.wait() == 0


def test_a_running_task_can_be_cancelled_while_its_worker_drains(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1, NARAD_DRAIN_SECONDS="20")
    long = running(service.api, "tests.hold", gate="never")

    service.workers[0].terminate()
    assert service.api.cancel(long).status_code == 202

    service.api.wait_for(long, "CANCELLED", seconds=5)
    assert service.workers[0].wait(5) == 0


def test_the_task_of_a_killed_worker_runs_elsewhere(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1, **SHORT_LEASE)
    held = running(service.api, "tests.hold", gate="open")
    others = [service.api.create("demo.simulate", {"seconds": 0.1, "steps": 1}) for _ in range(30)]

    service.workers[0].kill()
    (second,) = service.start_workers()
    service.gate("open").touch()

    done = service.api.wait_for(held, "COMPLETED", seconds=15)
    assert (done["attempt"], done["failures"], done["losses"]) == (2, 0, 1)
    assert (done["result"], done["worker_id"]) == (2, second.worker_id)
    assert {task["failures"] for task in service.api.wait_for_all(others)} == {0}


def test_a_task_whose_workers_keep_dying_fails_with_the_evidence(start_embedded: StartEmbedded) -> None:
    service = start_embedded(**SHORT_LEASE, NARAD_MAX_LOSSES="0", NARAD_RESCUE_SECONDS="0.2")
    held = running(service.api, "tests.hold", gate="never")

    service.processes[-1].kill()
    service.dev()

    failed = service.api.wait_for(held, "FAILED", seconds=15)
    assert failed["error"]["type"] == "WorkerLost"
    assert (failed["attempt"], failed["failures"], failed["losses"]) == (1, 0, 1)


@pytest.mark.serial
def test_sigterm_ends_narad_dev_promptly(start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_DRAIN_SECONDS="30")
    service.api.wait_for(service.api.create("demo.echo")["id"], "COMPLETED")
    asked_at = time.monotonic()

    assert service.processes[0].stop() == 0

    assert time.monotonic() - asked_at < 2


def test_tasks_survive_a_restart_of_narad_dev(start_embedded: StartEmbedded) -> None:
    service = start_embedded(**DRAIN)
    done = service.api.create("demo.echo", {"kept": True})
    done = service.api.wait_for(done["id"], "COMPLETED")
    held = running(service.api, "tests.hold", gate="open")
    later = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z")

    assert service.processes[-1].stop() == 0
    service.dev()

    assert service.api.get(done["id"]) == done
    assert service.api.status(later["id"]) in {"NEW", "PENDING"}
    service.gate("open").touch()
    again = service.api.wait_for(held, "COMPLETED")
    assert (again["attempt"], again["failures"], again["losses"]) == (2, 0, 0)
