"""RabbitMQ that is killed, wiped, silent, or that delivers too much."""

from narad.domain.status import Status
from tests.support.broker_messages import publish, take_all
from tests.support.processes import NaradProcess
from tests.support.scene import Scene, StartScene
from tests.support.tasks_api import wait_until

TASKS = 200


def is_connected(process: NaradProcess) -> bool:
    """Whether the latest news of each of its connections is a good one."""
    latest = {event["purpose"]: event["event"] for event in process.events() if "purpose" in event}
    return set(latest.values()) == {"broker.connected"}


def wait_until_connected(scene: Scene) -> None:
    """Wait until all processes that run are connected to the broker."""
    alive = [process for process in scene.processes if process.alive]
    wait_until(lambda: all(is_connected(process) for process in alive), "all are connected")


def assert_nothing_charged(scene: Scene, accepted: list[str]) -> None:
    tasks = scene.check(accepted)
    assert {(task.status, task.attempt, task.failures, task.losses) for task in tasks.values()} == {
        (Status.COMPLETED, 1, 0, 0)
    }


def test_tasks_are_accepted_and_run_while_rabbitmq_is_killed_and_started_again(start_scene: StartScene) -> None:
    scene = start_scene()
    wait_until_connected(scene)
    with scene.load() as load:
        load.wait_for_more(100)
        scene.rabbit.kill()
        while_down = len(load.accepted)
        load.wait_for_more(100)
        scene.api.wait_for(load.accepted[while_down + 50], "COMPLETED")
        scene.rabbit.start()
        wait_until_connected(scene)
        load.wait_for_more(50)

    assert not load.answers.refused
    assert not load.answers.failed
    assert_nothing_charged(scene, load.accepted)


def test_a_backlog_survives_a_wiped_rabbitmq(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    wait_until_connected(scene)
    scene.stop_workers()
    with scene.load(per_second=200) as load:
        load.wait_for_more(TASKS)
    wait_until(lambda: {scene.api.status(t) for t in load.accepted[:50]} == {"PENDING"}, "they are handed over")

    scene.rabbit.wipe()
    scene.rabbit.start()
    scene.rabbit.create_vhost(scene.vhost)
    scene.start_workers(2)
    wait_until_connected(scene)

    assert_nothing_charged(scene, load.accepted)


def test_a_deleted_queue_is_declared_again_and_its_tasks_run(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    held = [scene.create_running("faults.hold", gate="open") for _ in range(10)]
    with scene.load() as load:
        load.wait_for_more(60)
        for queue in scene.lanes():
            scene.rabbit.delete_queue(scene.vhost, queue)
        load.wait_for_more(30)
        scene.gate("open").touch()
        load.wait_for_more(30)

    assert held
    assert not load.answers.refused
    assert_nothing_charged(scene, load.accepted)
    assert scene.lanes()


def test_tasks_run_while_nothing_reaches_the_broker_and_push_resumes(start_scene: StartScene) -> None:
    scene = start_scene()
    wait_until_connected(scene)
    with scene.load() as load:
        load.wait_for_more(50)
        scene.broker_proxy.black_hole()
        before = len(load.accepted)
        load.wait_for_more(100)
        for task_id in load.accepted[before + 20 : before + 30]:
            scene.api.wait_for(task_id, "COMPLETED", seconds=40)
        scene.broker_proxy.heal()
        wait_until_connected(scene)
        load.wait_for_more(30)

    assert not load.answers.refused
    assert_nothing_charged(scene, load.accepted)


def test_duplicates_and_reordered_messages_run_each_task_once(start_scene: StartScene) -> None:
    scene = start_scene(workers=1)
    wait_until_connected(scene)
    scene.stop_workers()
    with scene.load(per_second=200) as load:
        load.wait_for_more(TASKS)
    wait_until(lambda: not scene.api.page(status="NEW", limit=1)["items"], "they are handed over")
    messages = take_all(scene.rabbit, scene.vhost, scene.lanes())
    assert len(messages) >= TASKS

    publish(scene.rabbit.url(scene.vhost), [*reversed(messages), *messages])
    scene.start_workers(2)
    publish(scene.rabbit.url(scene.vhost), messages)
    scene.api.wait_for(load.accepted[0], "COMPLETED")
    publish(scene.rabbit.url(scene.vhost), messages)

    assert_nothing_charged(scene, load.accepted)
    wait_until(lambda: not sum(q["messages"] for q in scene.rabbit.queues(scene.vhost)), "every message is settled")
    assert_nothing_charged(scene, load.accepted)
