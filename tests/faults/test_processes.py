"""Processes that end, in order or not, while tasks come in and run."""

import time

import pytest

from narad.domain.status import Status
from tests.support.scene import Scene, StartScene
from tests.support.tasks_api import wait_until

LONG_DRAIN_SECONDS = 60.0
AT_ONCE_SECONDS = 3.0
TASKS = 60


def assert_nothing_charged(scene: Scene, accepted: list[str]) -> None:
    """Every task is completed, and no interruption has cost it anything."""
    tasks = scene.check(accepted)
    assert {(task.status, task.failures, task.losses) for task in tasks.values()} == {(Status.COMPLETED, 0, 0)}


def test_tasks_that_an_api_stored_and_could_not_hand_over_before_it_was_killed_run(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    scene.stop_workers()
    scene.broker_proxy.black_hole()
    with scene.load(per_second=200) as load:
        load.wait_for_more(TASKS)
    assert {scene.api.status(task_id) for task_id in load.accepted} == {"NEW"}

    scene.api_process.kill()
    scene.broker_proxy.heal()
    scene.start_api()
    scene.start_workers(2)

    assert_nothing_charged(scene, load.accepted)


def test_an_api_killed_under_load_loses_nothing_that_it_accepted(start_scene: StartScene) -> None:
    scene = start_scene()
    with scene.load() as load:
        load.wait_for_more(TASKS)
        scene.api_process.kill()
        scene.start_api()
        load.wait_for_more(TASKS)

    assert_nothing_charged(scene, load.accepted)


def test_a_drain_under_load_loses_and_charges_nothing(start_scene: StartScene) -> None:
    scene = start_scene(workers=1, NARAD_DRAIN_SECONDS="1")
    (first,) = scene.workers
    held = [scene.create_running(handler, gate="open") for handler in ("faults.hold", "faults.hold_thread")]
    with scene.load() as load:
        load.wait_for_more(TASKS)
        (second,) = scene.start_workers()
        code = first.stop()
        for task_id in held:
            scene.wait_for_run(task_id, 2)
        load.wait_for_more(TASKS)
    scene.gate("open").touch()

    assert code == 0
    assert_nothing_charged(scene, load.accepted)
    tasks = scene.evidence.tasks()
    assert {(tasks[t].worker_id, tasks[t].attempt) for t in held} == {(second.worker_id, 2)}


@pytest.mark.serial
def test_a_second_sigterm_ends_a_worker_at_once_and_hands_its_tasks_back(start_scene: StartScene) -> None:
    scene = start_scene(workers=1, NARAD_DRAIN_SECONDS=str(LONG_DRAIN_SECONDS))
    (first,) = scene.workers
    held = [scene.create_running(handler, gate="open") for handler in ("faults.hold", "faults.hold_thread")]
    first.terminate()
    wait_until(lambda: first.events("worker.draining"), "it drains")

    asked_at = time.monotonic()
    first.terminate()
    assert first.wait() == 0

    assert time.monotonic() - asked_at < AT_ONCE_SECONDS
    assert {scene.api.status(task_id) for task_id in held} == {"PENDING"}
    scene.start_workers()
    scene.gate("open").touch()
    assert_nothing_charged(scene, [])


def test_every_process_can_be_replaced_under_load(start_scene: StartScene) -> None:
    scene = start_scene(workers=2)
    old_workers = list(scene.workers)
    with scene.load() as load:
        load.wait_for_more(TASKS)
        for old in old_workers:
            scene.start_workers()
            assert old.stop() == 0
            load.wait_for_more(TASKS // 4)
        assert scene.api_process.stop() == 0
        scene.start_api()
        load.wait_for_more(TASKS)

    assert not load.answers.refused
    assert_nothing_charged(scene, load.accepted)


def test_an_isolated_handler_killed_by_the_kernel_fails_with_its_signal_and_harms_nobody(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=1)
    with scene.load() as load:
        load.wait_for_more(TASKS // 2)
        victim = scene.api.create("faults.die", max_attempts=1)
        failed = scene.api.wait_for(victim["id"], "FAILED")
        load.wait_for_more(TASKS // 2)

    assert "SIGKILL" in failed["error"]["message"]
    assert (failed["failures"], failed["losses"]) == (1, 0)
    tasks = scene.check([victim["id"], *load.accepted])
    assert {tasks[task_id].status for task_id in load.accepted} == {Status.COMPLETED}
