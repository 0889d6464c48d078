"""The faults that strike: each does its harm, undoes it or replaces what it killed, and returns when that is done."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar
from uuid import UUID

from narad.dispatch.topology import lane_queue
from narad.domain import message
from narad.domain.status import Priority
from narad.domain.task import Lane
from tests.support.broker_messages import Message, publish
from tests.support.load import Load
from tests.support.processes import NaradProcess
from tests.support.scene import LEASE_SECONDS, Scene
from tests.support.tasks_api import wait_until

_LONGER_THAN_THE_LEASE = LEASE_SECONDS * 1.5
_SHORT_SECONDS = 2.0
_LOST_ANSWERS_SECONDS = 1.0
_DUPLICATES = 200

Strike: TypeAlias = Callable[[Scene, Load, float], None]
"""The last argument, at least 0 and below 1, decides whatever there is to choose."""

T = TypeVar("T")


def _pick(choices: Sequence[T], dice: float) -> T:
    return choices[int(dice * len(choices))]


def _any_worker(scene: Scene, dice: float) -> NaradProcess:
    return _pick([worker for worker in scene.workers if worker.alive], dice)


def _any_lane(scene: Scene, dice: float) -> str:
    wait_until(scene.lanes, "there is a queue to strike")
    return _pick(sorted(scene.lanes()), dice)


def kill_worker(scene: Scene, _load: Load, dice: float) -> None:
    scene.kill(_any_worker(scene, dice))
    scene.start_workers()


def freeze_worker(scene: Scene, _load: Load, dice: float) -> None:
    frozen = _any_worker(scene, dice)
    scene.freeze(frozen)
    time.sleep(_LONGER_THAN_THE_LEASE)
    scene.thaw(frozen)


def drain_worker(scene: Scene, _load: Load, dice: float) -> None:
    leaving = _any_worker(scene, dice)
    scene.start_workers()
    assert leaving.stop() == 0, f"{leaving} did not drain in order"


def kill_api(scene: Scene, _load: Load, _dice: float) -> None:
    scene.api_process.kill()
    scene.start_api()


def drain_api(scene: Scene, _load: Load, _dice: float) -> None:
    leaving = scene.api_process
    assert leaving.stop() == 0, f"{leaving} did not drain in order"
    scene.start_api()


def kill_rabbitmq(scene: Scene, _load: Load, _dice: float) -> None:
    scene.rabbit.kill()
    scene.rabbit.start()


def wipe_rabbitmq(scene: Scene, _load: Load, _dice: float) -> None:
    scene.rabbit.wipe()
    scene.rabbit.start()
    scene.rabbit.create_vhost(scene.vhost)


def delete_queue(scene: Scene, _load: Load, dice: float) -> None:
    scene.rabbit.delete_queue(scene.vhost, _any_lane(scene, dice))


def purge_queue(scene: Scene, _load: Load, dice: float) -> None:
    scene.rabbit.purge(scene.vhost, _any_lane(scene, dice))


def kill_queue(scene: Scene, _load: Load, dice: float) -> None:
    scene.rabbit.kill_queue(scene.vhost, _any_lane(scene, dice))


def publish_duplicates(scene: Scene, load: Load, dice: float) -> None:
    lane = lane_queue(Lane("default", _pick(list(Priority), dice))).name
    wait_until(lambda: lane in scene.lanes(), "there is a queue for the duplicates")
    messages = [Message(lane, message.encode(UUID(task_id))) for task_id in reversed(load.accepted[-_DUPLICATES:])]
    publish(scene.rabbit.url(scene.vhost), messages)


def cut_broker(scene: Scene, _load: Load, _dice: float) -> None:
    scene.broker_proxy.cut()
    time.sleep(_SHORT_SECONDS)
    scene.broker_proxy.heal()


def silence_broker(scene: Scene, _load: Load, _dice: float) -> None:
    scene.broker_proxy.black_hole()
    time.sleep(_LONGER_THAN_THE_LEASE)
    scene.broker_proxy.heal()


def kill_postgresql(scene: Scene, _load: Load, _dice: float) -> None:
    scene.postgres.kill()
    scene.postgres.start()


def cut_database(scene: Scene, _load: Load, _dice: float) -> None:
    scene.database_proxy.cut()
    time.sleep(_SHORT_SECONDS)
    scene.database_proxy.heal()


def silence_database(scene: Scene, _load: Load, _dice: float) -> None:
    scene.database_proxy.black_hole()
    time.sleep(_LONGER_THAN_THE_LEASE)
    scene.database_proxy.heal()


def lose_answers_of_database(scene: Scene, _load: Load, _dice: float) -> None:
    scene.database_proxy.hold_answers()
    time.sleep(_LOST_ANSWERS_SECONDS)
    scene.database_proxy.cut()
    scene.database_proxy.heal()


STRIKES: Mapping[str, Strike] = {
    "worker killed": kill_worker,
    "worker frozen past its lease": freeze_worker,
    "worker drained": drain_worker,
    "API killed": kill_api,
    "API drained": drain_api,
    "RabbitMQ killed": kill_rabbitmq,
    "RabbitMQ wiped": wipe_rabbitmq,
    "queue deleted": delete_queue,
    "queue purged": purge_queue,
    "queue dead": kill_queue,
    "messages duplicated": publish_duplicates,
    "broker cut off": cut_broker,
    "broker silent": silence_broker,
    "PostgreSQL killed": kill_postgresql,
    "database cut off": cut_database,
    "database silent past every lease": silence_database,
    "answers of the database lost": lose_answers_of_database,
}
"""Every kind of fault, by what the report calls it."""
