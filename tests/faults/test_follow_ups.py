"""A worker that is killed while its handler saves checkpoints and creates follow-ups."""

from narad.domain.status import Status
from tests.support.scene import StartScene
from tests.support.tasks_api import wait_until

STEPS = 6
HELD_AT = 3


def test_a_handler_goes_on_from_its_checkpoint_on_another_worker_and_creates_no_follow_up_twice(
    start_scene: StartScene,
) -> None:
    modules = "tests.support.fault_handlers,tests.support.feature_handlers"
    scene = start_scene(workers=1, NARAD_HANDLERS=modules)
    (first,) = scene.workers
    task_id = scene.create_running("features.journey", steps=STEPS, hold_at=HELD_AT, gate="open")
    wait_until((scene.shared / f"reached-1-{HELD_AT}").exists, "the handler has come so far")
    scene.start_workers()

    scene.kill(first)
    scene.wait_for_run(task_id, 2)
    scene.gate("open").touch()
    done = scene.api.wait_for(task_id, "COMPLETED")
    followers = scene.api.list_all(parent=task_id)
    scene.api.wait_for_all(followers)

    assert done["result"] == HELD_AT + 1, "it did not begin at its checkpoint"
    assert len(followers) == STEPS
    tasks = scene.check([follower["id"] for follower in followers])
    assert (tasks[task_id].status, tasks[task_id].attempt, tasks[task_id].losses) == (Status.COMPLETED, 2, 1)


def test_a_handler_that_is_killed_between_follow_up_and_checkpoint_gets_the_follow_up_that_there_is(
    start_scene: StartScene,
) -> None:
    modules = "tests.support.fault_handlers,tests.support.feature_handlers"
    scene = start_scene(workers=1, NARAD_HANDLERS=modules)
    (first,) = scene.workers
    task_id = scene.create_running("features.journey_without", steps=STEPS, gate="open")
    wait_until((scene.shared / "spawned-1").exists, "the follow-ups are created")
    scene.start_workers()

    scene.kill(first)
    scene.wait_for_run(task_id, 2)
    scene.gate("open").touch()
    scene.api.wait_for(task_id, "COMPLETED")
    followers = scene.api.list_all(parent=task_id)
    scene.api.wait_for_all(followers)

    assert len(followers) == STEPS
    scene.check([follower["id"] for follower in followers])
