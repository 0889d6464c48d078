"""Metrics as Prometheus scrapes them: of an API, of a worker, and of the whole from one process alone."""

import socket
from collections.abc import Mapping

import httpx2
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.test_problems import problem
from tests.support.keys_api import Locked, refused
from tests.support.ports import free_port
from tests.support.service import StartDistributed, StartEmbedded
from tests.support.tasks_api import TasksApi, wait_until

OF_THE_WHOLE = {
    "narad_tasks",
    "narad_queue_oldest_age_seconds",
    "narad_relay_backlog",
    "narad_relay_oldest_age_seconds",
    "narad_workers",
    "narad_worker_slots",
}


def scrape(url: str, path: str = "/metrics") -> Mapping[str, Metric]:
    answer = httpx2.get(url + path, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {metric.name: metric for metric in text_string_to_metric_families(answer.text)}


def total(metric: Metric, suffix: str = "", **labels: str) -> float:
    """The sum of the samples that have these labels among theirs."""
    return sum(
        sample.value
        for sample in metric.samples
        if sample.name == metric.name + suffix and labels.items() <= sample.labels.items()
    )


def test_an_api_tells_what_it_accepted_and_answered(api: TasksApi) -> None:
    before = scrape(api.url)
    created = [api.create("demo.echo", priority="HIGH") for _ in range(3)]
    api.wait_for_all(created)

    after = scrape(api.url)

    of_echo = {"handler": "demo.echo", "priority": "HIGH"}
    name = "narad_tasks_created"
    assert total(after[name], "_total", **of_echo) - total(before[name], "_total", **of_echo) == 3
    name = "narad_http_request_duration_seconds"
    posts = {"method": "POST", "route": "/api/v1/tasks", "status": "201"}
    assert total(after[name], "_count", **posts) - total(before[name], "_count", **posts) == 3
    assert total(after[name], "_count", route="/api/v1/tasks/{task_id}/status") > 0
    assert not [s for s in after[name].samples if created[0]["id"] in str(s.labels)]
    assert total(after["narad_build_info"]) == 1
    assert total(after["narad_sse_clients"]) >= 0


def test_the_whole_is_told_with_what_waits_and_who_works(start_embedded: StartEmbedded) -> None:
    api = start_embedded(NARAD_SURVEY_SECONDS="0.1", NARAD_CONCURRENCY="1").api
    running = api.create("demo.simulate", {"seconds": 60})
    api.wait_for(running["id"], "IN_PROGRESS")
    api.create("demo.echo", priority="LOW")

    def told() -> bool:
        found = scrape(api.url)
        return (
            found.keys() >= OF_THE_WHOLE
            and total(found["narad_tasks"], status="IN_PROGRESS") == 1
            and total(found["narad_queue_oldest_age_seconds"], queue="default", priority="LOW") > 0
            and total(found["narad_workers"], state="online") == 1
            and total(found["narad_worker_slots"], state="busy") == 1
        )

    wait_until(told, lambda: f"the installation is told: {httpx2.get(api.url + '/metrics', trust_env=False).text}")
    assert api.cancel(running["id"]).status_code == 202


def test_a_worker_tells_what_it_ran_at_a_port_of_its_own(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=0)
    port = free_port()
    service.run("worker", NARAD_METRICS_PORT=f"{port}").wait_until_ready()
    service.api.wait_for_all([service.api.create("demo.echo", priority="HIGH") for _ in range(3)])

    found = scrape(f"http://127.0.0.1:{port}")

    labels = {"handler": "demo.echo", "priority": "HIGH"}
    assert total(found["narad_tasks_finished"], "_total", status="COMPLETED", **labels) == 3
    assert total(found["narad_task_run_seconds"], "_count", **labels) == 3
    assert total(found["narad_task_wait_seconds"], "_count", **labels) == 3
    assert not OF_THE_WHOLE & found.keys()
    assert httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 404
    assert "narad_tasks_finished" not in {m.name for m in scrape(service.api.url).values() if m.samples}


def test_a_port_that_is_taken_stops_a_worker_and_names_the_setting(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=0)
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        worker = service.run("worker", NARAD_METRICS_PORT=f"{taken.getsockname()[1]}")
        assert worker.wait() == 1

    (complaint,) = service.new_complaints()
    assert "NARAD_METRICS_PORT" in complaint


def test_the_whole_is_told_by_one_process_and_by_another_when_that_ends(start_distributed: StartDistributed) -> None:
    service = start_distributed(workers=0, NARAD_SURVEY_SECONDS="0.2")
    first = service.api.url
    wait_until(lambda: scrape(first).keys() >= OF_THE_WHOLE, "the first process tells it")
    other = service.run("api")
    other.wait_until_ready()
    assert not scrape(other.url).keys() & OF_THE_WHOLE

    service.processes[0].terminate()

    wait_until(lambda: scrape(other.url).keys() >= OF_THE_WHOLE, "the other process tells it")


def test_on_loopback_they_need_no_key_unless_that_is_set(locked: Locked, start_embedded: StartEmbedded) -> None:
    assert scrape(locked.url)
    strict = Locked(start_embedded(NARAD_METRICS_ACCESS="key"))

    with strict.client() as stranger, strict.with_key(role="viewer") as viewer:
        refused(stranger.get("/metrics"), 401, "unauthenticated")
        assert refused(viewer.get("/metrics"), 403, "forbidden")["required_scope"] == "metrics:read"
    with strict.with_key(scopes=["metrics:read"]) as scraper:
        assert scraper.get("/metrics").status_code == 200


@pytest.mark.parametrize("access", ["auto", "open"])
def test_pages_of_other_sites_do_not_read_them_unless_they_are_open(start_embedded: StartEmbedded, access: str) -> None:
    api = start_embedded(NARAD_METRICS_ACCESS=access).api

    answer = api.http.get("/metrics", headers={"Host": "evil.example"})

    if access == "open":
        assert answer.status_code == 200
    else:
        problem(answer, 421, "host_not_allowed")
