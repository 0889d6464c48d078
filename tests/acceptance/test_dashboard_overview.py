"""The overview and the failures as a reader without scripts gets them: what they say, and what can be done there."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from narad.dashboard.formatting import NOTHING
from narad.domain.status import Status
from tests.support.dashboard import Reader, forms_of, text_of
from tests.support.keys_api import Locked
from tests.support.service import Embedded, StartEmbedded
from tests.support.tasks_api import wait_until

FOREIGN = "<script>alert(1)</script>\"'>{{7*7}}"


@pytest.fixture
def service(start_embedded: StartEmbedded) -> Embedded:
    """A service of its own, in which nothing has happened."""
    return start_embedded()


@pytest.fixture
def reader(service: Embedded) -> Iterator[Reader]:
    """A reader of it."""
    reader = Reader(service.api.url)
    yield reader
    reader.close()


def test_an_empty_service_offers_a_demo_task(reader: Reader, service: Embedded) -> None:
    shown = text_of(reader.open("/ui").text)
    assert "curl -X POST" in shown
    assert "narad tasks create demo.simulate" in shown
    assert "No task has failed." in text_of(reader.open("/ui/failures").text)

    answer = reader.send(reader.form("/ui", "/ui/tasks/new"))

    assert answer.status_code == 303
    assert (
        service.api.wait_for(answer.headers["location"].rpartition("/")[2], "COMPLETED")["handler"] == "demo.simulate"
    )


def test_failures_that_are_alike_are_one_group_and_run_again_together(reader: Reader, service: Embedded) -> None:
    failing = [service.api.create("demo.fail", {"message": FOREIGN}, max_attempts=1) for _ in range(3)]
    service.api.wait_for_all(failing, "FAILED")
    page = reader.open("/ui/failures").text
    assert FOREIGN not in page
    assert "3 failed tasks" in text_of(page)
    assert page.count("demo.py in fail") == 1
    assert "SimulatedFailure" in reader.open("/ui").text

    asked = reader.send(reader.form("/ui/failures", "/ui/bulk/preview"))
    assert "3 tasks would change" in text_of(asked.text)
    (order,) = [form for form in forms_of(asked.text) if form.action == "/ui/bulk"]
    begun = reader.send(order)

    assert begun.status_code == 303
    assert "Run again" in text_of(reader.open(begun.headers["location"]).text)

    def again() -> bool:
        return {service.api.get(task["id"])["attempt"] for task in failing} == {2}

    wait_until(again, "each has attempts anew")


def test_one_failure_is_run_again_as_a_probe(reader: Reader, service: Embedded) -> None:
    task = service.api.create("demo.fail", max_attempts=1)
    service.api.wait_for(task["id"], "FAILED")

    answer = reader.send(reader.form("/ui/failures", f"{task['id']}/retry"))

    assert (answer.status_code, answer.headers["location"]) == (303, f"/ui/tasks/{task['id']}")


@pytest.mark.parametrize(("chosen", "rows"), [("15m", 15), ("1h", 60), ("24h", 24), ("7d", 7)])
def test_the_numbers_of_a_chart_are_there_for_every_span(reader: Reader, chosen: str, rows: int) -> None:
    answer = reader.open(f"/ui/charts/throughput.csv?range={chosen}")

    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0] == "starts_at,completed,failed"
    assert len(lines) == rows + 1


def test_what_just_failed_is_shown_before_it_is_counted(start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_STATS_SECONDS="3600")
    reader = Reader(service.api.url)
    task = service.api.create("demo.fail", max_attempts=1)
    service.api.wait_for(task["id"], "FAILED")

    shown = text_of(reader.open("/ui").text)
    reader.close()

    assert "SimulatedFailure" in shown
    assert "There are no tasks yet." not in shown


def test_the_overview_says_what_waits_and_what_runs(reader: Reader, service: Embedded) -> None:
    for priority in ("HIGH", "MEDIUM"):
        service.api.create(queue="unserved", priority=priority)
    running = service.api.create("tests.hold", {"gate": "shown"}, name="Runs and runs")
    service.api.wait_for(running["id"], "IN_PROGRESS")

    page = reader.open("/ui").text
    shown = text_of(page)
    service.gate("shown").touch()

    assert re.search(r"Oldest, high \d", shown)
    assert re.search(r"Oldest, medium \d", shown)
    assert f"Oldest, low {NOTHING}" in shown
    assert re.search(r"Workers online 1 ", shown)
    assert re.search(r"Slots in use [01] of [1-9]", shown)
    assert f'href="/ui/tasks/{running["id"]}">Runs and runs</a>' in page
    assert all(f'href="/ui/tasks?status={status}"' in page for status in Status)


@pytest.mark.parametrize("chosen", ["15m", "24h"])
def test_an_interval_leads_to_what_ended_in_it(reader: Reader, service: Embedded, chosen: str) -> None:
    task = service.api.create("demo.echo", name="Ended in it")
    service.api.wait_for(task["id"], "COMPLETED")
    wait_until(lambda: "Ended 1 " in text_of(reader.open(f"/ui?range={chosen}").text), "it is counted")

    page = reader.open(f"/ui?range={chosen}").text
    (interval,) = re.findall(r'href="(/ui/tasks\?[^"]*finished_after[^"]*)"', page)

    assert "Ended in it" in reader.open(unescape(interval)).text
    earlier = re.sub(r"finished_(after|before)=\d{4}", r"finished_\1=2020", unescape(interval))
    assert "Ended in it" not in reader.open(earlier).text


def test_an_unknown_range_is_told_and_an_hour_shown(reader: Reader, service: Embedded) -> None:
    service.api.create("demo.echo")

    page = reader.open("/ui?range=2y").text

    assert "There is no such range; this is that of 1 hour." in text_of(page)
    assert 'href="/ui?range=1h" aria-current="true"' in page


def test_a_key_shows_the_failures_of_its_handlers_and_may_not_run_them(start_embedded: StartEmbedded) -> None:
    locked = Locked(start_embedded())
    mine, other = (locked.service.api.create(handler, max_attempts=1) for handler in ("demo.fail", "tests.fail_first"))
    locked.service.api.wait_for_all([mine, other], "FAILED")
    limited = locked.create(scopes=["tasks:read", "queues:read"], handlers=["demo.fail"])
    reader = Reader(locked.url)
    reader.log_in(limited["key"])

    failures, overview = reader.open("/ui/failures").text, reader.open("/ui").text
    reader.close()

    assert "demo.fail" in failures
    assert "tests.fail_first" not in failures + overview
    assert "1 failed task" in text_of(failures)
    assert "/retry" not in failures
    assert "/ui/bulk" not in failures
