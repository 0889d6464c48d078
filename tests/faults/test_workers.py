"""Workers that are killed, frozen, cut off, or kept busy."""

import time
from pathlib import Path

import pytest

from narad.domain.status import Status
from tests.support.scene import CANCEL_GRACE_SECONDS, LEASE_SECONDS, StartScene
from tests.support.tasks_api import wait_until

RECOVERY_SECONDS = LEASE_SECONDS + 5
LIMIT_SECONDS = 0.5
OVERRUN_SECONDS = LIMIT_SECONDS + LEASE_SECONDS + CANCEL_GRACE_SECONDS
BLOCKED_SECONDS = LEASE_SECONDS * 2


@pytest.mark.serial
def test_a_task_of_a_killed_worker_runs_elsewhere_within_the_lease_and_5_seconds(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    (first,) = scene.workers
    held = [scene.create_running("faults.hold", gate="open") for _ in range(3)]
    (second,) = scene.start_workers()
    with scene.load() as load:
        load.wait_for_more(100)
        scene.kill(first)
        killed_at = time.monotonic()
        for task_id in held:
            scene.wait_for_run(task_id, 2, seconds=RECOVERY_SECONDS)
        assert time.monotonic() - killed_at < RECOVERY_SECONDS
        scene.gate("open").touch()
        load.wait_for_more(50)

    tasks = scene.check(load.accepted)
    assert {tasks[task_id].worker_id for task_id in held} == {second.worker_id}
    assert {(tasks[t].status, tasks[t].attempt, tasks[t].losses) for t in held} == {(Status.COMPLETED, 2, 1)}
    assert {task.failures for task in tasks.values()} == {0}


def test_the_outcome_of_a_frozen_worker_is_refused_and_it_goes_on_under_a_new_id(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    (zombie,) = scene.workers
    old_id = zombie.worker_id
    held = [scene.create_running("faults.hold", gate="open-{attempt}") for _ in range(5)]
    (other,) = scene.start_workers()

    with scene.load() as load:
        scene.freeze(zombie)
        for task_id in held:
            scene.wait_for_run(task_id, 2, seconds=RECOVERY_SECONDS)
        scene.gate("open-1").touch()
        scene.thaw(zombie)
        wait_until(lambda: len(scene.evidence.worker_ids(scene.pid(zombie))) == 2, "it has a new id")
        wait_until(lambda: all(run.ended for run in scene.evidence.runs() if run.attempt == 1), "its handlers ended")
        load.wait_for_more(50)
        assert {scene.api.status(task_id) for task_id in held} == {"IN_PROGRESS"}
    scene.gate("open-2").touch()
    for task_id in held:
        scene.api.wait_for(task_id, "COMPLETED")
    other.stop()
    later = [scene.create("faults.work") for _ in range(20)]

    tasks = scene.check(load.accepted)
    assert {(tasks[t].attempt, tasks[t].result, tasks[t].losses) for t in held} == {(2, "2", 1)}
    assert {tasks[t].worker_id for t in held} == {other.worker_id}
    (first_id, new_id) = scene.evidence.worker_ids(scene.pid(zombie))
    assert first_id == old_id
    assert {tasks[t].worker_id for t in later} == {new_id}
    assert zombie.events("task.fenced"), "no late outcome arrived at all"


def test_tasks_of_a_worker_cut_off_from_the_database_run_elsewhere_and_its_late_outcomes_are_refused(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=0)
    cut_off, network = scene.start_worker_on_its_own_network()
    held = [scene.create_running("faults.hold", gate="open-{attempt}") for _ in range(3)]
    (other,) = scene.start_workers()

    scene.faults.cut_off.add(scene.pid(cut_off))
    network.black_hole()
    for task_id in held:
        scene.wait_for_run(task_id, 2, seconds=RECOVERY_SECONDS)
    scene.gate("open-1").touch()
    wait_until(lambda: all(run.ended for run in scene.evidence.runs() if run.attempt == 1), "its handlers ended")
    network.heal()
    wait_until(lambda: len(cut_off.events("task.fenced")) == len(held), "its outcomes are refused")
    assert {scene.api.status(task_id) for task_id in held} == {"IN_PROGRESS"}
    scene.gate("open-2").touch()

    tasks = scene.check()
    assert {(tasks[t].worker_id, tasks[t].attempt, tasks[t].result) for t in held} == {(other.worker_id, 2, "2")}


def test_a_handler_that_blocks_the_event_loop_for_two_lease_times_keeps_its_task(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=2)
    blocker = scene.create_running("faults.block", seconds=BLOCKED_SECONDS)
    with scene.load() as load:
        done = scene.api.wait_for(blocker, "COMPLETED", seconds=BLOCKED_SECONDS + 5)

    assert (done["attempt"], done["losses"]) == (1, 0)
    scene.check(load.accepted)
    assert not [worker for worker in scene.workers if worker.events("worker.lost")]


def test_tasks_that_a_blocked_worker_does_not_end_are_ended_in_its_place(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    (blocked,) = scene.workers
    cancelled = scene.create_running("faults.hold", gate="open-{attempt}")
    limited = scene.create_running("faults.hold", limit=LIMIT_SECONDS + 1, gate="open-{attempt}")
    scene.faults.cut_off.add(scene.pid(blocked))
    scene.create_running("faults.block", seconds=OVERRUN_SECONDS * 2)
    scene.start_workers()

    scene.gate("open-2").touch()  # a second attempt has the same time limit, and is not to wait for anybody
    assert scene.api.cancel(cancelled).status_code == 202
    scene.api.wait_for(cancelled, "CANCELLED", seconds=OVERRUN_SECONDS + RECOVERY_SECONDS)
    scene.wait_for_run(limited, 2, seconds=OVERRUN_SECONDS + RECOVERY_SECONDS)
    scene.api.wait_for(limited, "COMPLETED")

    tasks = scene.check()
    assert (tasks[limited].status, tasks[limited].attempt) == (Status.COMPLETED, 2)
    assert (tasks[limited].failures, tasks[limited].losses) == (1, 0)
    assert not blocked.events("worker.lost")


def test_a_worker_may_stop_what_it_runs_at_the_end_of_its_lease(start_scene: StartScene) -> None:
    scene = start_scene(workers=0, NARAD_STOP_ON_LEASE_LOSS="true")
    cut_off, network = scene.start_worker_on_its_own_network()
    held = [scene.create_running("faults.hold", gate="open-{attempt}") for _ in range(3)]
    scene.start_workers()

    network.black_hole()
    for task_id in held:
        scene.wait_for_run(task_id, 2, seconds=RECOVERY_SECONDS)
    scene.gate("open-2").touch()
    network.heal()

    # Nothing excuses an overlap here: the check would blame one.
    tasks = scene.check()
    assert {(tasks[t].status, tasks[t].attempt, tasks[t].failures) for t in held} == {(Status.COMPLETED, 2, 0)}
    assert cut_off.events("worker.lease_over")


def test_directories_of_a_killed_worker_are_removed_by_the_next_one_and_those_of_the_living_stay(
    start_scene: StartScene, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    scene = start_scene(workers=1, TMPDIR=str(temporary))
    (first,) = scene.workers
    held = [scene.create_running(handler, gate="open") for handler in ("faults.litter", "faults.litter_isolated")]

    def directories(attempt: int) -> list[bool]:
        return [(temporary / f"narad-{task_id}-{attempt}" / "file").exists() for task_id in held]

    scene.kill(first)
    assert directories(1) == [True, True]
    scene.start_workers()
    assert directories(1) == [False, False]
    for task_id in held:
        scene.wait_for_run(task_id, 2, seconds=RECOVERY_SECONDS)
    scene.start_workers()
    assert directories(2) == [True, True]
    scene.gate("open").touch()

    tasks = scene.check()
    assert {(tasks[t].status, tasks[t].attempt, tasks[t].losses) for t in held} == {(Status.COMPLETED, 2, 1)}
    wait_until(lambda: not list(temporary.glob("narad-*")), "the directories are gone with their attempts")
