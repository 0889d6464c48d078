"""PostgreSQL that is killed, or that no packet reaches any more."""

import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from narad.domain import message
from narad.domain.status import Status
from tests.support.broker_messages import Message, publish
from tests.support.scene import DATABASE_TIMEOUT_SECONDS, LEASE_SECONDS, Scene, StartScene
from tests.support.tasks_api import PATH, wait_until

BLACK_HOLE_SECONDS = LEASE_SECONDS * 2
# What the service was ordered to survive, and twenty leases: nothing that waits may give up, and nothing pile up.
LONG_OUTAGE_SECONDS = 60.0
PROMPT_SECONDS = 2.0
LOCKED_SECONDS = 12.0
# A request may wait for the catalogue of handlers, for the batch that is on its way, and then for its own.
LONGEST_ANSWER_SECONDS = DATABASE_TIMEOUT_SECONDS * 3 + 1
LANE = "narad.v1.default.medium"


def test_a_killed_postgresql_costs_nothing_accepted_and_outcomes_are_written_when_it_is_back(
    start_scene: StartScene,
) -> None:
    scene = start_scene()
    held = [scene.create_running("faults.hold", gate="open") for _ in range(4)]
    with scene.load() as load:
        load.wait_for_more(100)
        scene.postgres.kill()
        wait_until(lambda: len(load.answers.refused) >= 20, "the API has refused some")
        scene.gate("open").touch()
        wait_until(lambda: all(r.ended for r in scene.evidence.runs() if r.task_id in held), "the handlers ended")
        scene.postgres.start()
        load.wait_for_more(100)

    answers = load.answers
    assert {answer.status_code for answer in answers.refused} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers.refused)
    assert not answers.failed
    assert answers.slowest_seconds < LONGEST_ANSWER_SECONDS
    tasks = scene.check(answers.accepted)
    assert {(tasks[t].status, tasks[t].attempt, tasks[t].losses) for t in held} == {(Status.COMPLETED, 1, 0)}
    assert {task.losses for task in tasks.values()} == {0}


def test_after_an_outage_longer_than_the_lease_only_tasks_of_dead_workers_are_rescued(start_scene: StartScene) -> None:
    scene = start_scene(workers=2)
    living, dead = scene.workers
    held = held_by_both(scene)
    with scene.load() as load:
        load.wait_for_more(30)
        scene.database_proxy.black_hole()
        scene.kill(dead)
        time.sleep(BLACK_HOLE_SECONDS)
        scene.database_proxy.heal()
        for task_id in held[dead.worker_id]:
            scene.wait_for_run(task_id, 2)
        load.wait_for_more(50)
    scene.gate("open").touch()

    answers = load.answers
    assert {answer.status_code for answer in answers.refused} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert answers.slowest_seconds < LONGEST_ANSWER_SECONDS
    tasks = scene.check(answers.accepted)
    assert {(tasks[t].status, tasks[t].attempt) for t in held[living.worker_id]} == {(Status.COMPLETED, 1)}
    assert {(tasks[t].status, tasks[t].attempt) for t in held[dead.worker_id]} == {(Status.COMPLETED, 2)}
    assert not living.events("worker.lost")


def held_by_both(scene: Scene) -> dict[str, list[str]]:
    """Tasks that wait for the gate, by their worker: at least one on each."""
    held: dict[str, list[str]] = {worker.worker_id: [] for worker in scene.workers}
    while not all(held.values()):
        task_id = scene.create_running("faults.hold", gate="open")
        held[scene.api.get(task_id)["worker_id"]].append(task_id)
    return held


@pytest.mark.timeout(LONG_OUTAGE_SECONDS + 120)
def test_handlers_go_on_and_outcomes_are_kept_while_the_database_is_away_for_60_seconds(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=1)
    (worker,) = scene.workers
    held = [scene.create_running("faults.hold", gate="open") for _ in range(3)]
    scene.database_proxy.black_hole()
    # What is pushed now cannot be claimed, and must not keep the worker from what it runs.
    publish(scene.rabbit.url(scene.vhost), [Message(LANE, message.encode(UUID(task_id))) for task_id in held])
    time.sleep(LONG_OUTAGE_SECONDS / 2)

    scene.gate("open").touch()
    wait_until(lambda: all(run.ended for run in scene.evidence.runs()), "the handlers end", seconds=5)
    wait_until(lambda: worker.events("task.finish_waits"), "their outcomes wait for the database", seconds=5)
    time.sleep(LONG_OUTAGE_SECONDS / 2)
    scene.database_proxy.heal()

    tasks = scene.check()
    assert {(tasks[t].status, tasks[t].attempt, tasks[t].losses) for t in held} == {(Status.COMPLETED, 1, 0)}


@pytest.mark.serial
def test_the_api_answers_503_at_once_while_the_database_is_away(start_scene: StartScene) -> None:
    scene = start_scene(workers=0)
    task_id = scene.create("demo.echo")
    scene.database_proxy.cut()

    see_prompt_refusals(scene, task_id)
    assert scene.api.http.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert scene.api.http.get("/livez").status_code == HTTPStatus.OK

    scene.database_proxy.heal()
    wait_until(lambda: scene.api.http.get("/readyz").status_code == HTTPStatus.OK, "it is ready again")
    scene.start_workers()
    scene.check()


@pytest.mark.serial
def test_the_api_answers_503_within_2_seconds_while_the_database_is_silent(start_scene: StartScene) -> None:
    scene = start_scene(workers=0, NARAD_DATABASE_TIMEOUT_SECONDS="10")
    task_id = scene.create("demo.echo")
    scene.database_proxy.black_hole()

    see_prompt_refusals(scene, task_id)

    scene.database_proxy.heal()
    scene.start_workers()
    scene.check()


@pytest.mark.serial
def test_the_api_answers_503_within_2_seconds_while_every_connection_waits_for_a_lock(start_scene: StartScene) -> None:
    scene = start_scene(workers=0, NARAD_DATABASE_POOL="3", NARAD_DATABASE_TIMEOUT_SECONDS="10")
    task_id = scene.create("demo.echo")
    lock = f"LOCK TABLE tasks; SELECT pg_sleep({LOCKED_SECONDS})"
    with ThreadPoolExecutor(1) as thread:
        locking = thread.submit(scene.postgres.execute, lock, urlsplit(scene.database).path.removeprefix("/"))
        wait_until(lambda: scene.api.http.get(PATH).status_code == HTTPStatus.SERVICE_UNAVAILABLE, "it is locked")

        see_prompt_refusals(scene, task_id)
        assert not locking.done()
        locking.result()

    wait_until(lambda: scene.api.http.get(PATH).status_code == HTTPStatus.OK, "it is free again")
    scene.start_workers()
    scene.check()


def see_prompt_refusals(scene: Scene, task_id: str) -> None:
    """Whatever is asked of the API, it answers in time that it cannot now, and when to ask again."""
    for method, path, body in (
        ("POST", PATH, {"name": "refused"}),
        ("GET", PATH, None),
        ("GET", f"{PATH}/{task_id}", None),
        ("DELETE", f"{PATH}/{task_id}", None),
    ):
        asked_at = time.monotonic()
        answer = scene.api.http.request(method, path, json=body)
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert int(answer.headers["Retry-After"]) > 0
        seconds = time.monotonic() - asked_at
        assert seconds < PROMPT_SECONDS, f"{method} {path} took {seconds:.1f} s"


def test_a_creation_that_waits_is_answered_201_though_the_database_goes_away_meanwhile(
    start_scene: StartScene,
) -> None:
    scene = start_scene(workers=1)
    body = {"name": "held", "handler": "faults.hold", "payload": {"gate": "open"}}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(scene.api.http.post, f"{PATH}?wait=5", json=body)
        wait_until(scene.evidence.runs, "the handler runs")
        scene.database_proxy.black_hole()
        answer = waiting.result()
        scene.database_proxy.heal()
    scene.gate("open").touch()

    assert answer.status_code == HTTPStatus.CREATED
    assert answer.headers["Retry-After"] == "1"
    assert scene.check([answer.json()["id"]])[answer.json()["id"]].status is Status.COMPLETED
