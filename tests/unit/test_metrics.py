"""Metrics: declared in one place, told in the document, and as Prometheus reads them."""

import re
from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import narad
from narad.domain.fleet import Installed, WorkerState
from narad.domain.status import Priority, Status
from narad.domain.task import Lane
from narad.metrics import DECLARED, MOST_HANDLERS, OF_INSTALLATION, Metrics
from narad.tally import Tally
from tests.support.repository import text_of

INSTALLED = Installed(
    tasks={Status.NEW: 3, Status.FAILED: 2},
    oldest_seconds={Lane("default", Priority.HIGH): 1.5},
    backlog=4,
    backlog_seconds=0.25,
    workers={WorkerState.ONLINE: 2},
    busy_slots=3,
    free_slots=17,
)


def scraped(metrics: Metrics) -> dict[str, Metric]:
    return {metric.name: metric for metric in text_string_to_metric_families(metrics.render().decode())}


def value(metric: Metric, name: str, **labels: str) -> float:
    (sample,) = (one for one in metric.samples if one.name == name and one.labels == labels)
    return float(sample.value)


def with_name(samples: Iterable[Sample], name: str) -> list[Sample]:
    return [sample for sample in samples if sample.name == name]


def test_every_metric_is_in_the_document_as_it_is_declared() -> None:
    rows = re.findall(r"^\| `(narad_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", text_of("docs/metrics.md"), re.MULTILINE)
    expected = [(one.name, one.kind, ", ".join(one.labels) or "none", one.meaning) for one in DECLARED]

    table = "\n".join(f"| `{name}` | {kind} | {labels} | {meaning} |" for name, kind, labels, meaning in expected)
    assert rows == expected, f"the rows of docs/metrics.md must be:\n\n{table}"


def test_names_follow_the_conventions_of_prometheus() -> None:
    assert len({one.name for one in DECLARED}) == len(DECLARED)
    for one in DECLARED:
        assert one.name.startswith("narad_")
        assert one.name.endswith("_total") is (one.kind == "counter"), one.name
        assert one.name.endswith("_seconds") or one.kind != "histogram", one.name


def test_what_is_told_is_what_is_declared() -> None:
    tally = Tally()
    tally.finished("a", Priority.HIGH, Status.FAILED)
    tally.timed("a", Priority.HIGH, waited_seconds=1, ran_seconds=1)
    metrics = Metrics(tally=tally, streams=lambda: 1, installed=lambda: INSTALLED)
    metrics.requests.add("GET", "/x", 200, 0.1)

    found = scraped(metrics)

    named = {one.name.removesuffix("_total"): one for one in DECLARED}
    assert set(found) == set(named)
    for name, metric in found.items():
        assert metric.documentation == named[name].meaning
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(named[name].labels)


def test_counts_go_on_when_the_tally_is_taken() -> None:
    tally = Tally()
    metrics = Metrics(tally=tally)
    for _ in range(2):
        tally.finished("a", Priority.LOW, Status.COMPLETED)
        tally.take()
    tally.finished("a", Priority.LOW, Status.COMPLETED)

    finished = scraped(metrics)["narad_tasks_finished"]

    labels = {"handler": "a", "priority": "LOW", "status": "COMPLETED"}
    assert value(finished, "narad_tasks_finished_total", **labels) == 3


def test_a_histogram_counts_what_took_no_longer_than_each_bound() -> None:
    tally = Tally()
    for seconds in (0.001, 0.004, 0.005, 3, 1e6):
        tally.timed("a", Priority.HIGH, waited_seconds=seconds, ran_seconds=0.1)

    waits = scraped(Metrics(tally=tally))["narad_task_wait_seconds"]

    bounds = [(float(s.labels["le"]), s.value) for s in with_name(waits.samples, "narad_task_wait_seconds_bucket")]
    assert bounds == sorted(bounds)
    assert (bounds[0], bounds[-1]) == ((0.004, 2), (float("inf"), 5))
    assert dict(bounds)[0.008] == 3
    assert dict(bounds)[4.096] == 4
    labels = {"handler": "a", "priority": "HIGH"}
    assert value(waits, "narad_task_wait_seconds_count", **labels) == 5
    runs = scraped(Metrics(tally=tally))["narad_task_run_seconds"]
    assert 0.4 < value(runs, "narad_task_run_seconds_sum", **labels) < 0.6  # estimated


def test_requests_are_told_by_route_and_what_has_none_together() -> None:
    metrics = Metrics(tally=Tally())
    metrics.requests.add("GET", "/api/v1/tasks/{task_id}", 200, 0.002)
    metrics.requests.add("BREW", None, 404, 0.5)
    metrics.requests.add("MELT", None, 404, 0.25)

    found = scraped(metrics)["narad_http_request_duration_seconds"]

    count = "narad_http_request_duration_seconds_count"
    assert value(found, count, method="GET", route="/api/v1/tasks/{task_id}", status="200") == 1
    assert value(found, count, method="other", route="other", status="404") == 2
    of_others = {"method": "other", "route": "other", "status": "404"}
    assert value(found, "narad_http_request_duration_seconds_sum", **of_others) == 0.75


def test_handlers_beyond_a_number_are_told_together_and_keep_their_names() -> None:
    tally = Tally()
    metrics = Metrics(tally=tally)
    names = [f"h{number:03}" for number in range(MOST_HANDLERS + 5)]
    for name in reversed(names):
        tally.finished(name, Priority.HIGH, Status.COMPLETED)

    first, again = (
        {s.labels["handler"]: s.value for s in scraped(metrics)["narad_tasks_finished"].samples} for _ in range(2)
    )

    assert first == again == {**dict.fromkeys(names[5:], 1), "other": 5}


def test_what_is_of_the_whole_installation_is_told_only_while_this_process_looks() -> None:
    seen: list[Installed | None] = [None]
    metrics = Metrics(tally=Tally(), installed=lambda: seen[0])
    names = {one.name for one in OF_INSTALLATION}

    before = set(scraped(metrics))
    seen[0] = INSTALLED
    found = scraped(metrics)

    assert not before & names
    assert names <= set(found)
    assert value(found["narad_tasks"], "narad_tasks", status="NEW") == 3
    assert value(found["narad_tasks"], "narad_tasks", status="COMPLETED") == 0
    oldest = found["narad_queue_oldest_age_seconds"]
    assert value(oldest, "narad_queue_oldest_age_seconds", queue="default", priority="HIGH") == 1.5
    assert value(found["narad_worker_slots"], "narad_worker_slots", state="free") == 17


def test_the_version_is_told() -> None:
    found = scraped(Metrics(tally=Tally()))["narad_build_info"]

    assert value(found, "narad_build_info", version=narad.__version__) == 1
