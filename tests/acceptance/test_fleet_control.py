"""The fleet over HTTP, with real processes: looked at and steered, embedded, direct and through RabbitMQ."""

import time
from functools import partial

import pytest

from tests.support.fleet_api import FleetApi
from tests.support.service import Distributed, Service, StartDistributed, StartEmbedded
from tests.support.tasks_api import wait_until

NOBODY = "0193b7c2-0000-7000-8000-000000000000"
HEARTBEAT_SECONDS = 1.0
MARGIN_SECONDS = 4.5


@pytest.fixture(params=["rabbitmq", "direct"])
def start_fleet(request: pytest.FixtureRequest, start_distributed: StartDistributed) -> StartDistributed:
    """Starts an API and workers on PostgreSQL, with RabbitMQ and without."""
    return start_distributed if request.param == "rabbitmq" else partial(start_distributed, NARAD_BROKER_URL="")


@pytest.fixture(params=["embedded", "rabbitmq", "direct"])
def any_service(request: pytest.FixtureRequest) -> Service:
    """A fresh service of each kind, the distributed ones with two workers."""
    if request.param == "embedded":
        embedded: StartEmbedded = request.getfixturevalue("start_embedded")
        return embedded()
    start: StartDistributed = request.getfixturevalue("start_distributed")
    return start() if request.param == "rabbitmq" else start(NARAD_BROKER_URL="")


def run_here(service: Service, number: int = 1) -> None:
    """Run tasks to their end, to see that they are run."""
    service.api.wait_for_all([service.api.create("demo.echo") for _ in range(number)])


@pytest.mark.serial
def test_nothing_starts_from_a_paused_queue_and_everything_when_it_is_resumed(any_service: Service, tag: str) -> None:
    service, fleet = any_service, FleetApi(any_service.api)
    held = service.api.create("tests.hold", {"gate": "open"})
    service.api.wait_for(held["id"], "IN_PROGRESS")

    paused = fleet.order("queues/default/pause", {"reason": "the mail server is down"})
    assert (paused["paused"], paused["paused_reason"]) == (True, "the mail server is down")
    fleet.wait_for_heartbeats()
    created = [
        service.api.create("demo.echo", {"n": n}, tags=[tag], priority=("LOW", "MEDIUM", "HIGH")[n % 3])
        for n in range(30)
    ]
    service.gate("open").touch()
    service.api.wait_for(held["id"], "COMPLETED")
    fleet.wait_for_heartbeats()
    assert fleet.waiting("default") == len(created)
    assert {task["attempt"] for task in service.api.list_all(tag=tag)} == {0}
    assert all(lane["oldest_age_seconds"] > 0 for lane in fleet.read("queues/default")["lanes"].values())

    resumed_at = time.monotonic()
    resumed = fleet.order("queues/default/resume")
    assert (resumed["paused"], resumed["paused_at"], resumed["paused_reason"]) == (False, None, None)
    done = service.api.wait_until_done(tag)
    assert time.monotonic() - resumed_at < HEARTBEAT_SECONDS + MARGIN_SECONDS
    assert {(task["status"], task["attempt"]) for task in done} == {("COMPLETED", 1)}


def test_a_pause_leaves_other_queues_alone(start_fleet: StartDistributed) -> None:
    service = start_fleet(NARAD_QUEUES="default,images")
    fleet = FleetApi(service.api)
    fleet.order("queues/images/pause")
    fleet.wait_for_heartbeats()

    waiting = service.api.create("demo.echo", queue="images")
    run_here(service, 20)

    assert service.api.get(waiting["id"])["attempt"] == 0
    fleet.order("queues/images/resume")
    service.api.wait_for(waiting["id"], "COMPLETED")


def test_a_worker_that_starts_during_a_pause_starts_nothing_from_the_queue(start_fleet: StartDistributed) -> None:
    service = start_fleet(workers=1)
    fleet = FleetApi(service.api)
    fleet.order("queues/default/pause", {})
    fleet.wait_for_heartbeats()
    waiting = [service.api.create("demo.echo") for _ in range(5)]

    service.start_workers()
    fleet.wait_for_heartbeats()

    assert fleet.waiting("default") == len(waiting)
    fleet.order("queues/default/resume")
    service.api.wait_for_all(waiting)


def test_a_quiet_worker_leaves_all_to_the_other_until_it_is_resumed(start_fleet: StartDistributed) -> None:
    service = start_fleet()
    fleet = FleetApi(service.api)
    first, second = service.workers
    assert fleet.order(f"workers/{first.worker_id}/quiet")["state"] == "quiet"
    fleet.wait_for_heartbeats()

    tasks = service.api.wait_for_all([service.api.create("demo.echo") for _ in range(20)])
    assert {task["worker_id"] for task in tasks} == {second.worker_id}

    assert fleet.order(f"workers/{first.worker_id}/resume")["state"] == "online"
    assert fleet.order(f"workers/{second.worker_id}/quiet")["state"] == "quiet"
    fleet.wait_for_heartbeats()
    tasks = service.api.wait_for_all([service.api.create("demo.echo") for _ in range(20)])
    assert {task["worker_id"] for task in tasks} == {first.worker_id}


def test_a_worker_told_to_drain_ends_what_it_runs_and_exits_with_0(start_fleet: StartDistributed) -> None:
    service = start_fleet(workers=1, NARAD_DRAIN_SECONDS="20")
    fleet = FleetApi(service.api)
    (first,) = service.workers
    held = service.api.create("tests.hold", {"gate": "open"})
    service.api.wait_for(held["id"], "IN_PROGRESS")

    assert fleet.order(f"workers/{first.worker_id}/drain")["state"] == "draining"
    wait_until(lambda: first.events("worker.draining"), "it drains")
    waiting = service.api.create("demo.echo")
    assert first.alive
    assert service.api.status(held["id"]) == "IN_PROGRESS"
    service.gate("open").touch()

    assert first.wait() == 0
    done = service.api.get(held["id"])
    assert (done["status"], done["attempt"], done["worker_id"]) == ("COMPLETED", 1, first.worker_id)
    assert fleet.read(f"workers/{first.worker_id}")["state"] == "stopped"
    assert service.api.get(waiting["id"])["attempt"] == 0
    service.start_workers()
    service.api.wait_for(waiting["id"], "COMPLETED")


def test_workers_show_what_they_are_and_what_they_run(start_fleet: StartDistributed) -> None:
    service = start_fleet(workers=1, NARAD_CONCURRENCY="3", NARAD_WORKER_NAME="pod-0")
    fleet = FleetApi(service.api)
    held = service.api.create("tests.hold", {"gate": "open"})
    service.api.wait_for(held["id"], "IN_PROGRESS")
    fleet.wait_for_heartbeats(1)

    (worker,) = fleet.list("workers", state=["online"])

    assert worker == fleet.read(f"workers/{worker['id']}") | {
        field: worker[field] for field in ("heartbeat_at", "lease_expires_at")
    }
    assert (worker["id"], worker["name"], worker["state"]) == (service.workers[0].worker_id, "pod-0", "online")
    assert (worker["concurrency"], worker["busy"], worker["queues"]) == (3, 1, ["default"])
    assert "tests.hold" in worker["handlers"]
    assert [(task["id"], task["handler"], task["attempt"]) for task in worker["tasks"]] == [
        (held["id"], "tests.hold", 1)
    ]
    service.gate("open").touch()
    service.api.wait_for(held["id"], "COMPLETED")
    assert fleet.list("workers", state=["lost", "stopped"]) == []


def test_workers_are_listed_page_by_page(start_fleet: StartDistributed) -> None:
    service = start_fleet(workers=3)
    fleet = FleetApi(service.api)

    first = fleet.read("workers", limit=2)
    second = fleet.read("workers", limit=2, cursor=first["next_cursor"])

    assert [len(first["items"]), len(second["items"]), second["next_cursor"]] == [2, 1, None]
    found = {worker["id"] for page in (first, second) for worker in page["items"]}
    assert found == {worker.worker_id for worker in service.workers}


def test_a_worker_that_is_gone_takes_no_order(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=2)
    fleet = FleetApi(service.api)
    gone, _ = service.workers
    assert gone.stop() == 0

    for order in ("quiet", "resume", "drain"):
        answer = fleet.post(f"workers/{gone.worker_id}/{order}")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "invalid_state")
        assert (problem["current_status"], problem["allowed_actions"]) == ("stopped", [])
        assert fleet.post(f"workers/{NOBODY}/{order}").status_code == 404
    assert fleet.get(f"workers/{NOBODY}").status_code == 404
    assert fleet.get("workers/nonsense").status_code == 422


def test_a_killed_worker_is_shown_as_lost(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1, NARAD_LEASE_SECONDS="2")
    fleet = FleetApi(service.api)
    (worker,) = service.workers

    worker.kill()

    wait_until(lambda: fleet.read(f"workers/{worker.worker_id}")["state"] == "lost", "it is lost")


def test_handlers_are_described_and_offered_while_a_worker_lives(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=1)
    fleet = FleetApi(service.api)

    by_name = {handler["name"]: handler for handler in fleet.list("handlers")}
    hold = fleet.read("handlers/tests.hold")

    assert {"demo.echo", "demo.simulate", "tests.hold"} <= set(by_name)
    assert hold["title"].startswith("Wait until the file exists")
    assert by_name["demo.simulate"]["description"].startswith("Takes `seconds`")
    assert hold["queue"] == "default"
    assert hold["payload_schema"]["required"] == ["gate"]
    assert hold["result_schema"]["type"] == "integer"
    assert len(hold["versions"]) == 1
    assert hold["offered"]
    assert service.workers[0].stop() == 0
    assert not fleet.read("handlers/tests.hold")["offered"]
    problem = fleet.get("handlers/tests.holt").json()
    assert (problem["status"], problem["nearest"]) == (404, "tests.hold")


def test_queues_that_nobody_names_are_not_there(any_service: Service) -> None:
    fleet = FleetApi(any_service.api)

    assert [queue["name"] for queue in fleet.list("queues")] == ["default"]
    for answer in (fleet.get("queues/images"), fleet.post("queues/images/pause"), fleet.post("queues/images/resume")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert fleet.get("queues/Not%20a%20name").status_code == 422

    any_service.api.create("demo.echo", queue="images")
    images = fleet.read("queues/images")
    assert (images["workers"], images["lanes"]["MEDIUM"]["waiting"]) == (0, {"value": 1, "relation": "eq"})
    assert [queue["name"] for queue in fleet.list("queues")] == ["default", "images"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"reason": 7}, "#/reason"), ({"reason": "x" * 501}, "#/reason"), ({"why": "x"}, "#/why"), ([], "#")],
)
def test_a_bad_reason_is_refused_and_nothing_is_paused(service: Service, body: object, pointer: str) -> None:
    fleet = FleetApi(service.api)

    answer = fleet.post("queues/default/pause", body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not fleet.read("queues/default")["paused"]


def test_a_reason_must_be_declared_as_json(service: Service) -> None:
    answer = service.api.http.post("/api/v1/queues/default/pause", content=b'{"reason": "x"}')

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["workers", "stats"])
def test_an_unknown_parameter_is_refused(service: Service, path: str) -> None:
    answer = FleetApi(service.api).get(path, windo="1h")

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")


@pytest.mark.serial
def test_statistics_tell_what_happened_within_seconds(start_service: StartDistributed) -> None:
    service = start_service()
    fleet = FleetApi(service.api)
    service.api.wait_for_all([service.api.create("demo.echo") for _ in range(20)])
    slow = [service.api.create("demo.simulate", {"seconds": 0.5}, priority="HIGH") for _ in range(3)]
    service.api.wait_for_all(slow)
    failed = service.api.create("demo.fail", max_attempts=1)
    service.api.wait_for(failed["id"], "FAILED")
    later = service.api.create("demo.echo", run_at="2999-01-01T00:00:00Z")
    assert service.api.cancel(later["id"]).status_code == 200
    assert service.api.cancel(later["id"]).status_code == 200
    expired = service.api.create("demo.echo", queue="nobody", expires_in_seconds=0.1)
    service.api.wait_for(expired["id"], "FAILED")

    def counted() -> bool:
        overall = fleet.read("stats")["overall"]
        return [overall[what] for what in ("created", "completed", "failed", "cancelled")] == [26, 23, 2, 1]

    wait_until(counted, "all is counted")
    for window in ("5m", "1h", "24h"):
        stats = fleet.read("stats", window=window)
        overall = stats["overall"]
        assert (overall["created"], overall["completed"], overall["failed"], overall["cancelled"]) == (26, 23, 2, 1)
        assert overall["created_per_second"] > 0
        assert {handler["handler"] for handler in stats["handlers"]} == {"demo.echo", "demo.simulate", "demo.fail"}
        (simulate,) = [handler for handler in stats["handlers"] if handler["handler"] == "demo.simulate"]
        assert 0.42 <= simulate["run_seconds"]["p50"] <= 1.5
        assert simulate["wait_seconds"]["p50"] < 0.5
    statuses = fleet.read("stats")["statuses"]
    assert statuses["COMPLETED"] == {"value": 23, "relation": "eq"}
    assert (statuses["FAILED"]["value"], statuses["NEW"]["value"]) == (2, 0)
    assert fleet.get("stats", window="2h").status_code == 422


def test_the_last_counts_are_written_down_at_the_end(start_distributed: StartDistributed) -> None:
    service: Distributed = start_distributed(workers=1, NARAD_STATS_SECONDS="3600")
    run_here(service, 10)
    (worker,) = service.workers

    assert worker.stop() == 0

    overall = FleetApi(service.api).read("stats")["overall"]
    assert (overall["completed"], overall["created"]) == (10, 0)  # the API has not written down its own yet
