"""PostgreSQL does what it was asked, and whoever asked does not hear of it."""

from http import HTTPStatus
from uuid import UUID

from narad.domain.status import Status
from tests.support.scene import StartScene
from tests.support.tasks_api import wait_until

ROUNDS = 5
AROUND = 20
"""Tasks accepted between two losses."""


def test_a_post_whose_commit_was_not_heard_of_is_answered_503_and_its_task_runs_once(start_scene: StartScene) -> None:
    scene = start_scene()
    names = [f"unheard {number}" for number in range(ROUNDS)]
    with scene.load() as load:
        for name in names:
            load.wait_for_more(AROUND)
            scene.database_proxy.lose_answer(about=name.encode())
            answer = scene.api.post({"name": name, "handler": "faults.work", "tags": ["unheard"]})
            scene.database_proxy.wait_until_lost()
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert int(answer.headers["Retry-After"]) > 0
        load.wait_for_more(AROUND)

    stored = scene.api.wait_until_done("unheard")
    assert sorted(task["name"] for task in stored) == names
    assert not load.answers.failed
    tasks = scene.check([*load.accepted, *(task["id"] for task in stored)])
    assert {(task.status, task.attempt) for task in tasks.values()} == {(Status.COMPLETED, 1)}


def test_a_claim_that_its_worker_did_not_hear_of_is_given_back_uncharged(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    scene.stop_workers()  # its handlers stay known
    task_id = scene.create("faults.work")
    network = scene.open_network()
    network.lose_answer(about=UUID(task_id).bytes)

    worker = scene.start_worker_on(network)
    network.wait_until_lost()
    scene.api.wait_for(task_id, "COMPLETED")

    (task,) = scene.check().values()
    assert (task.status, task.attempt, task.failures, task.losses) == (Status.COMPLETED, 2, 0, 0)
    assert [run.attempt for run in scene.evidence.runs()] == [2]
    assert [event["attempt"] for event in worker.events("task.orphan_given_back")] == [1]
    assert task.worker_id == worker.worker_id


def test_an_outcome_whose_write_was_not_heard_of_is_recorded_once_and_its_worker_goes_on(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=0)
    worker, network = scene.start_worker_on_its_own_network()
    task_id = scene.create_running("faults.hold", gate="open")
    beside = [scene.create_running("faults.hold", gate="open") for _ in range(3)]

    # Only the write of an outcome carries the id as text.
    network.lose_answer(about=task_id.encode())
    scene.gate("open").touch()
    network.wait_until_lost()
    wait_until(lambda: worker.events("task.finish_waits"), "the worker writes again")
    later = [scene.create("faults.work") for _ in range(10)]

    tasks = scene.check()
    assert {tasks[t].worker_id for t in (task_id, *beside, *later)} == {worker.worker_id}
    assert {(task.status, task.attempt, task.losses) for task in tasks.values()} == {(Status.COMPLETED, 1, 0)}
    assert not worker.events("task.orphan_given_back")
