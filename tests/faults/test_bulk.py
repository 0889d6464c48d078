"""A bulk operation outlives the process that carries it out."""

from typing import Any

from tests.support.scene import Scene, StartScene
from tests.support.tasks_api import PATH, wait_until

BULK = "/api/v1/bulk-operations"
TASKS = 12_000
BATCH = 1_000
LATER = "2090-01-01T00:00:00Z"


def operation(scene: Scene, place: str) -> dict[str, Any]:
    found: dict[str, Any] = scene.api.http.get(place).json()
    return found


def test_a_bulk_operation_goes_on_after_its_process_was_killed_and_changes_each_task_once(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=0)
    items = [{"name": "bulk", "handler": "demo.echo", "run_at": LATER}] * BATCH
    for _ in range(TASKS // BATCH):
        assert scene.api.http.post(f"{PATH}/batch", json={"items": items}).status_code == 201
    place = scene.api.http.post(BULK, json={"action": "cancel", "filter": {"status": ["NEW", "PENDING"]}}).headers[
        "location"
    ]
    wait_until(lambda: operation(scene, place)["changed"], "the operation has begun")

    scene.api_process.kill()
    scene.start_api()
    killed_at = operation(scene, place)
    wait_until(lambda: operation(scene, place)["status"] == "COMPLETED", "the operation is carried out", seconds=90)

    ended = operation(scene, place)
    assert killed_at["changed"] < ended["changed"] == TASKS
    assert ended["missed"] == 0
    assert scene.api.page(status=["NEW", "PENDING"], limit=1)["items"] == []
