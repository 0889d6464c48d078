"""The pages of tasks as a reader without scripts gets them: search, bulk operations, export, forms out of schemas."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from narad.dashboard.formatting import NOTHING
from tests.support.dashboard import Reader, forms_of, text_of
from tests.support.processes import REPOSITORY
from tests.support.service import Service, StartEmbedded
from tests.support.tasks_api import wait_until

LATER = "2999-01-01T00:00:00Z"


@pytest.fixture
def reader(service: Service) -> Iterator[Reader]:
    """A reader of the shared service, which is open."""
    reader = Reader(service.api.url)
    yield reader
    reader.close()


def wait_for_operation(service: Service, location: str) -> dict[str, object]:
    """Wait until the operation whose page is there has ended."""
    path = f"/api/v1/bulk-operations/{location.rpartition('/')[2]}"
    wait_until(lambda: service.api.http.get(path).json()["status"] == "COMPLETED", "the operation ends")
    found: dict[str, object] = service.api.http.get(path).json()
    return found


def test_the_search_box_leads_to_filters_or_to_a_task(reader: Reader, service: Service) -> None:
    task_id = service.api.create("demo.echo", run_at=LATER)["id"]

    answer = reader.http.get(
        "/ui/tasks", params={"search": 'status:new tag:a age>1h "two words"', "handler": "demo.echo"}
    )
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (answer.status_code, asked) == (
        303,
        {"status": ["NEW"], "tag": ["a"], "created_before": ["-1h"], "q": ["two words"], "handler": ["demo.echo"]},
    )
    assert reader.http.get("/ui/tasks", params={"search": task_id}).headers["location"] == f"/ui/tasks/{task_id}"
    unknown = reader.open(reader.http.get("/ui/tasks", params={"search": "colour:red"}).headers["location"])
    assert "colour" in text_of(unknown.text)


def test_the_form_of_filters_keeps_every_value(reader: Reader) -> None:
    given = [
        ("handler", "a"),
        ("handler", "b"),
        ("queue", "c"),
        ("queue", "d"),
        ("tag", "e"),
        ("tag", "f"),
        ("tag", "g"),
    ]
    given += [("priority", "LOW"), ("priority", "HIGH"), ("status", "NEW"), ("status", "FAILED")]
    page = reader.open(f"/ui/tasks?{urlencode(given)}").text
    form = page.partition('class="filters"')[2].partition("</form>")[0]
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
    chosen = re.findall(r'<option value="(LOW|MEDIUM|HIGH)" selected', form)

    sent = [*fields, *(("priority", one) for one in chosen), ("created_after", "-1h")]
    answer = reader.http.get("/ui/tasks", params=sent)

    assert chosen == ["LOW"]
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert {name: sorted(values) for name, values in asked.items()} == {
        "handler": ["a", "b"],
        "queue": ["c", "d"],
        "tag": ["e", "f", "g"],
        "priority": ["HIGH", "LOW"],
        "status": ["FAILED", "NEW"],
        "created_after": ["-1h"],
    }


def test_the_columns_are_those_that_were_chosen(reader: Reader, service: Service) -> None:
    service.api.create("demo.echo", run_at=LATER, tags=["columns"])

    page = text_of(reader.open("/ui/tasks?tag=columns&columns=queue&columns=tags").text.partition("<thead>")[2])

    assert "Queue" in page
    assert "Run time" not in page


def test_all_that_match_are_cancelled_after_a_preview_and_once(reader: Reader, service: Service) -> None:
    for _ in range(3):
        service.api.create("demo.echo", run_at=LATER, tags=["bulk-a"])
    service.api.wait_for(service.api.create("demo.echo", tags=["bulk-a"])["id"], "COMPLETED")
    form = reader.form("/ui/tasks?tag=bulk-a", "/ui/bulk/preview")

    preview = reader.send(form, action="cancel", reason="wrong import", all="yes")

    assert preview.status_code == 200
    assert "3 tasks would change" in text_of(preview.text)
    (order,) = [one for one in forms_of(preview.text) if one.action == "/ui/bulk"]
    begun, again = reader.send(order), reader.send(order)
    assert begun.status_code == again.status_code == 303
    assert begun.headers["location"] == again.headers["location"]
    ended = wait_for_operation(service, begun.headers["location"])
    assert (ended["changed"], ended["reason"]) == (3, "wrong import")
    assert {one["status"] for one in service.api.list_all(tag="bulk-a")} == {"CANCELLED", "COMPLETED"}
    page = text_of(reader.open(begun.headers["location"]).text)
    address = f"{begun.headers['location']}?lang=en"
    assert f'hx-get="{address}"' in reader.open(address).text
    assert "Done" in page
    assert "wrong import" in page
    assert begun.headers["location"] in reader.open("/ui/bulk").text


def test_ticked_tasks_alone_are_meant(reader: Reader, service: Service) -> None:
    ids = [service.api.create("demo.echo", run_at=LATER, tags=["bulk-b"])["id"] for _ in range(2)]
    form = reader.form("/ui/tasks?tag=bulk-b", "/ui/bulk/preview")

    preview = reader.send(form, {"id": ids[0]}, action="set_priority", priority="HIGH")
    (order,) = [one for one in forms_of(preview.text) if one.action == "/ui/bulk"]
    wait_for_operation(service, reader.send(order).headers["location"])

    assert [service.api.get(one)["priority"] for one in ids] == ["HIGH", "MEDIUM"]
    nothing = reader.send(form, action="cancel")
    assert nothing.status_code == 422
    assert "No task is ticked" in text_of(nothing.text)


def test_many_tasks_change_only_for_who_types_their_number(reader: Reader, service: Service) -> None:
    items = [{"name": "a", "handler": "demo.echo", "run_at": LATER, "tags": ["bulk-c"]} for _ in range(101)]
    service.api.http.post("/api/v1/tasks/batch", json={"items": items}).raise_for_status()
    form = reader.form("/ui/tasks?tag=bulk-c", "/ui/bulk/preview")
    preview = reader.send(form, action="cancel", all="yes")
    (order,) = [one for one in forms_of(preview.text) if one.action == "/ui/bulk"]

    refused = reader.send(order, typed="100")

    assert refused.status_code == 422
    assert "101" in text_of(refused.text)
    assert service.api.page(tag="bulk-c", status="CANCELLED")["items"] == []
    assert reader.send(order, counted="9" * 5_000).status_code == 422
    ended = wait_for_operation(service, reader.send(order, typed="101").headers["location"])
    assert ended["changed"] == 101


@pytest.mark.parametrize("more", ["", "&finished_before=-0s", "&created_before=2999-01-01T00:00:00Z"])
def test_tasks_that_end_after_the_preview_are_not_meant(reader: Reader, service: Service, tag: str, more: str) -> None:
    before, after = (service.api.create("demo.echo", run_at=LATER, tags=[tag])["id"] for _ in range(2))
    service.api.cancel(before)
    form = reader.form(f"/ui/tasks?tag={tag}{more}", "/ui/bulk/preview")
    preview = reader.send(form, action="purge", all="yes")
    assert "1 task would change" in text_of(preview.text)
    (order,) = [one for one in forms_of(preview.text) if one.action == "/ui/bulk"]

    service.api.cancel(after)
    ended = wait_for_operation(service, reader.send(order).headers["location"])

    assert ended["changed"] == 1
    assert [one["id"] for one in service.api.list_all(tag=tag)] == [after]


def test_tasks_that_come_to_match_after_the_preview_are_not_meant(reader: Reader, service: Service, tag: str) -> None:
    service.api.create("demo.echo", run_at=LATER, tags=[tag])
    form = reader.form(f"/ui/tasks?tag={tag}&created_before=-0s", "/ui/bulk/preview")
    preview = reader.send(form, action="cancel", all="yes")
    (order,) = [one for one in forms_of(preview.text) if one.action == "/ui/bulk"]

    service.api.create("demo.echo", run_at=LATER, tags=[tag])

    assert wait_for_operation(service, reader.send(order).headers["location"])["changed"] == 1


def test_a_list_is_exported_whole(reader: Reader, service: Service) -> None:
    items = [{"name": "=1+1", "handler": "demo.echo", "run_at": LATER, "tags": ["export"]} for _ in range(250)]
    service.api.http.post("/api/v1/tasks/batch", json={"items": items}).raise_for_status()
    wanted = {one["id"] for one in service.api.list_all(tag="export")}

    lines = reader.open("/ui/tasks/export.jsonl?tag=export&columns=queue&limit=5")
    rows = list(csv.DictReader(io.StringIO(reader.open("/ui/tasks/export.csv?tag=export").text)))

    assert {json.loads(line)["id"] for line in lines.text.splitlines()} == wanted
    assert lines.headers["content-disposition"] == 'attachment; filename="tasks.jsonl"'
    assert {row["id"] for row in rows} == wanted
    assert {row["name"] for row in rows} == {"'=1+1"}
    assert reader.open("/ui/tasks/export.csv?status=DONE").status_code == 422
    assert reader.open("/ui/tasks/export.xml").status_code == 422


def test_a_form_has_the_fields_of_the_handler(reader: Reader, service: Service) -> None:
    form = reader.form("/ui/tasks/new?handler=demo.fail", "/ui/tasks/new")
    assert {"payload/message", "payload/fatal"} <= form.fields.keys()

    answer = reader.send(form, {"name": "By fields", "payload/message": "so be it", "payload/fatal": "true"})

    task = service.api.wait_for(answer.headers["location"].rpartition("/")[2], "FAILED")
    assert task["payload"] == {"message": "so be it", "fatal": True}


def test_what_is_wrong_with_a_field_of_the_payload_is_shown_at_it(reader: Reader) -> None:
    form = reader.form("/ui/tasks/new?handler=demo.simulate", "/ui/tasks/new")

    answer = reader.send(form, {"name": "Wrong", "payload/steps": "0"})

    assert answer.status_code == 422
    assert 'id="payload/steps-error"' in answer.text
    (shown,) = [one for one in forms_of(answer.text) if one.action == "/ui/tasks/new" and one.method == "post"]
    assert (shown.fields["payload/steps"], shown.fields["once"]) == ("0", form.fields["once"])


def test_a_clone_keeps_secrets_without_showing_them(reader: Reader, service: Service) -> None:
    payload = {"user": "ann", "api_token": "hush"}
    task = service.api.create("demo.echo", payload, run_at=LATER, tags=["one"], priority="HIGH")
    path = f"/ui/tasks/new?like={task['id']}"
    assert "hush" not in reader.open(path).text

    answer = reader.send(reader.form(path, "/ui/tasks/new"), name="Again")

    made = service.api.get(answer.headers["location"].rpartition("/")[2])
    assert (made["name"], made["payload"], made["tags"], made["priority"]) == ("Again", payload, ["one"], "HIGH")


def test_a_clone_of_a_large_payload_has_all_of_it(reader: Reader, service: Service) -> None:
    payload = {"text": "x" * 60_000, "more": ["y" * 60_000]}
    task = service.api.create("demo.echo", payload, run_at=LATER)

    answer = reader.send(reader.form(f"/ui/tasks/new?like={task['id']}", "/ui/tasks/new"), name="Again")

    assert service.api.get(answer.headers["location"].rpartition("/")[2])["payload"] == payload


@pytest.mark.parametrize("payload", ["{", "[1]"])
def test_a_payload_that_is_no_object_is_shown_as_it_is(reader: Reader, payload: str) -> None:
    page = f"/ui/tasks/new?handler=demo.fail&payload={payload}"

    assert reader.form(page, "/ui/tasks/new").fields["payload"] == payload


def test_what_a_handler_keeps_to_itself_is_in_no_task_like_it(start_embedded: StartEmbedded) -> None:
    service = start_embedded(NARAD_HANDLERS="tests.support.feature_handlers")
    reader = Reader(service.api.url)
    task = service.api.create("features.defaults", {"password": "s3cret"}, run_at=LATER)
    form = reader.form(f"/ui/tasks/new?like={task['id']}", "/ui/tasks/new")
    typed = {"name": "Curious", "payload": '{"password": "••••••"}'}

    by_another, by_the_same = reader.send(form, typed, handler="demo.echo"), reader.send(form, typed)

    assert service.api.get(by_another.headers["location"].rpartition("/")[2])["payload"] == {"password": None}
    assert (by_the_same.status_code, "s3cret" in by_the_same.text) == (422, False)
    reader.close()


def test_the_command_follows_the_form_and_creates_nothing(reader: Reader, service: Service) -> None:
    form = reader.form("/ui/tasks/new?handler=demo.echo", "/ui/tasks/new")
    form.action = "/ui/tasks/new/command"

    answer = reader.send(form, {"name": "Only shown", "payload": '{"a": 1}'})

    assert '"name": "Only shown"' in text_of(answer.text)
    assert service.api.page(name="Only shown")["items"] == []


def test_the_priority_changes_while_the_task_waits(reader: Reader, service: Service) -> None:
    task_id = service.api.create("demo.echo", run_at=LATER)["id"]
    form = reader.form(f"/ui/tasks/{task_id}", "/priority")

    assert reader.send(form, priority="HIGH").status_code == 303
    assert service.api.get(task_id)["priority"] == "HIGH"
    assert reader.send(form, priority="URGENT").status_code == 422
    service.api.cancel(task_id)
    assert reader.send(form, priority="LOW").status_code == 409


@pytest.mark.parametrize("tab", ["summary", "payload", "result", "attempts", "logs", "json", "nonsense"])
def test_every_part_of_a_task_has_its_address(reader: Reader, service: Service, tab: str) -> None:
    task = service.api.create("demo.fail", max_attempts=1)
    service.api.wait_for(task["id"], "FAILED")

    whole, part = reader.open(f"/ui/tasks/{task['id']}?tab={tab}"), reader.part(f"/ui/tasks/{task['id']}?tab={tab}")

    assert whole.status_code == part.status_code == 200
    assert 'aria-current="page"' in part.text
    assert f"?tab={tab}" in whole.text or tab in {"summary", "nonsense"}


def test_the_commands_of_a_task_make_others_like_it(reader: Reader, service: Service, tag: str, tmp_path: Path) -> None:
    awkward = {"text": 'it\'s "so" \\ $HOME Ж\n', "list": [1.5, None, True]}
    task = service.api.create(
        "demo.echo",
        awkward,
        name="-it's",
        tags=[tag, "two words"],
        priority="HIGH",
        max_attempts=2,
        timeout_seconds=2.5,
    )
    page = reader.open(f"/ui/tasks/{task['id']}").text
    shown = re.findall(r'class="copy-line"><span>(\w+)</span>.*?<pre tabindex="0">(.*?)</pre>', page, re.DOTALL)
    commands = {name: unescape(text) for name, text in shown}
    assert list(commands) == ["curl", "CLI", "Python"]

    narad = f'narad() {{ "{sys.executable}" -m narad "$@"; }}\n'
    for arguments in (
        ["bash", "-euc", commands["curl"]],
        ["bash", "-euc", narad + commands["CLI"]],
        [sys.executable, "-c", commands["Python"]],
    ):
        variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY), "NO_PROXY": "*"}
        subprocess.run(arguments, env=variables, cwd=tmp_path, check=True, capture_output=True, timeout=60)

    fields = ("name", "handler", "payload", "tags", "priority", "queue", "max_attempts", "timeout_seconds")
    made = [service.api.get(one["id"]) for one in service.api.list_all(tag=tag)]
    assert len(made) == 4
    assert all(one[name] == task[name] for one in made for name in fields)


def test_a_failed_task_shows_each_attempt_with_its_folded_traceback(reader: Reader, service: Service) -> None:
    task = service.api.create("demo.fail", {"message": "so be it"}, max_attempts=2)
    service.api.wait_for(task["id"], "FAILED")

    attempts = reader.open(f"/ui/tasks/{task['id']}?tab=attempts").text
    error = reader.open(f"/ui/tasks/{task['id']}?tab=result").text

    for page, tracebacks in ((attempts, 2), (error, 1)):
        assert page.count("<details><summary>Traceback</summary>") == tracebacks
        assert page.count("Traceback (most recent call last)") == tracebacks
        assert "so be it" in text_of(page)
    timeline = text_of(attempts.partition('aria-label="Timeline"')[2].partition("</div>")[0])
    assert re.search(r"Created .* Started attempt 2 .* Completed .* Failed [0-9]", timeline), timeline
    assert len(re.findall(r"[0-9] m?s\b", timeline)) >= 2, timeline  # until it started, and until it failed


def test_a_task_that_waits_for_its_next_attempt_has_not_started(reader: Reader, service: Service, tag: str) -> None:
    task = service.api.create("tests.fail_later", tags=[tag], max_attempts=2)
    service.api.wait_for_failure(task["id"])

    page = reader.open(f"/ui/tasks/{task['id']}").text
    listed = reader.open(f"/ui/tasks?tag={tag}&columns=wait").text
    service.api.cancel(task["id"])

    timeline = text_of(page.partition('aria-label="Timeline"')[2].partition("</div>")[0])
    assert re.search(r"Created .* Not before .* Start (?!attempt)", timeline), timeline
    assert re.findall(r'<td class="number">(.*?)</td>', listed) == [NOTHING]
