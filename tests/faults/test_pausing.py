"""A queue that is paused while RabbitMQ goes away and comes back, and one whose worker is killed."""

from narad.domain.status import Status
from tests.faults.test_broker import wait_until_connected
from tests.support.fleet_api import FleetApi
from tests.support.scene import Scene, StartScene
from tests.support.tasks_api import wait_until

TASKS = 30


def create(scene: Scene) -> list[str]:
    return [scene.create("faults.work") for _ in range(TASKS)]


def assert_nothing_started(scene: Scene) -> None:
    FleetApi(scene.api).wait_for_heartbeats()
    assert {scene.api.get(task_id)["attempt"] for task_id in scene.accepted} == {0}


def assert_each_ran_once(scene: Scene) -> None:
    tasks = scene.check()
    assert {(task.status, task.attempt, task.failures, task.losses) for task in tasks.values()} == {
        (Status.COMPLETED, 1, 0, 0)
    }


def test_a_queue_stays_paused_while_rabbitmq_is_stopped_and_started_again(start_scene: StartScene) -> None:
    scene = start_scene()
    fleet = FleetApi(scene.api)
    wait_until_connected(scene)
    fleet.order("queues/default/pause", {"reason": "the broker is exchanged"})
    fleet.wait_for_heartbeats()

    create(scene)
    scene.rabbit.stop()
    wait_until(lambda: all(process.events("broker.lost") for process in scene.processes), "all have noticed")
    create(scene)
    assert_nothing_started(scene)
    scene.rabbit.start()
    wait_until_connected(scene)
    create(scene)
    assert_nothing_started(scene)

    fleet.order("queues/default/resume")
    assert_each_ran_once(scene)


def test_a_queue_is_paused_and_resumed_while_rabbitmq_is_away(start_scene: StartScene) -> None:
    scene = start_scene()
    fleet = FleetApi(scene.api)
    wait_until_connected(scene)
    scene.rabbit.stop()
    wait_until(lambda: all(process.events("broker.lost") for process in scene.processes), "all have noticed")

    fleet.order("queues/default/pause")
    create(scene)
    assert_nothing_started(scene)
    fleet.order("queues/default/resume")

    assert_each_ran_once(scene)


def test_messages_lost_during_a_pause_do_not_cost_a_task(start_scene: StartScene) -> None:
    scene = start_scene()
    fleet = FleetApi(scene.api)
    wait_until_connected(scene)
    fleet.order("queues/default/pause")
    fleet.wait_for_heartbeats()
    created = create(scene)
    wait_until(lambda: {scene.api.status(task_id) for task_id in created} == {"PENDING"}, "they are handed over")

    scene.rabbit.wipe()
    scene.rabbit.start()
    scene.rabbit.create_vhost(scene.vhost)
    wait_until_connected(scene)
    assert_nothing_started(scene)

    fleet.order("queues/default/resume")
    assert_each_ran_once(scene)
