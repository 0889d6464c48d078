"""How soon a running task is cancelled, with the broker and without."""

from statistics import median
from typing import Any

import pytest

from narad.domain.status import Status
from tests.support.scene import Scene, StartScene
from tests.support.tasks_api import wait_until

TASKS = 6
PROMPT_SECONDS = 1.0
SLOW_HEARTBEAT_SECONDS = 5.0
HEARTBEAT_SECONDS = 2.0
MARGIN_SECONDS = 2.0
HANDLERS: dict[str, dict[str, Any]] = {
    "faults.hold": {"gate": "never"},
    "faults.hold_thread": {"gate": "never"},
    "faults.compute": {},
}


def running(scene: Scene) -> list[str]:
    """Tasks of every kind of handler that run and never end by themselves."""
    return [
        scene.create_running(handler, **payload) for handler, payload in HANDLERS.items() for _ in range(TASKS // 3)
    ]


def seconds_to_cancel(scene: Scene, task_ids: list[str]) -> list[float]:
    """Cancel them all; how long each took, by the times in the database."""
    for task_id in task_ids:
        assert scene.api.cancel(task_id).status_code == 202
    for task_id in task_ids:
        scene.api.wait_for(task_id, "CANCELLED")
    tasks = scene.check()
    assert {tasks[task_id].status for task_id in task_ids} == {Status.CANCELLED}
    found = [tasks[task_id].seconds_to_cancel for task_id in task_ids]
    return [seconds for seconds in found if seconds is not None]


@pytest.mark.serial
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_cancel_takes_under_a_second_at_the_median_with_the_broker_up(start_scene: StartScene, handler: str) -> None:
    # With so slow a heart it is the order through the broker that arrives.
    scene = start_scene(
        workers=1,
        NARAD_HEARTBEAT_SECONDS=str(SLOW_HEARTBEAT_SECONDS),
        NARAD_LEASE_SECONDS=str(SLOW_HEARTBEAT_SECONDS * 3),
    )
    wait_until(lambda: scene.workers[0].events("broker.connected"), "the worker hears orders")
    task_ids = [scene.create_running(handler, **HANDLERS[handler]) for _ in range(TASKS)]

    assert median(seconds_to_cancel(scene, task_ids)) < PROMPT_SECONDS


@pytest.mark.serial
def test_a_cancel_takes_a_heartbeat_and_2_seconds_at_most_with_the_broker_down(start_scene: StartScene) -> None:
    scene = start_scene(
        workers=1, NARAD_HEARTBEAT_SECONDS=str(HEARTBEAT_SECONDS), NARAD_LEASE_SECONDS=str(HEARTBEAT_SECONDS * 3)
    )
    task_ids = running(scene)
    scene.broker_proxy.cut()

    taken = seconds_to_cancel(scene, task_ids)

    assert len(taken) == len(task_ids)
    assert max(taken) < HEARTBEAT_SECONDS + MARGIN_SECONDS
