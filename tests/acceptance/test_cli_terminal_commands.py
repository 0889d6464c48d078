"""Commands that ask a service, each in a terminal: what people see, and what they see that programs do not get."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine, Done, Seen
from tests.support.keys_api import Locked
from tests.support.tasks_api import TasksApi

GREEN, RED, YELLOW, BOLD = b"\x1b[32m", b"\x1b[31m", b"\x1b[33m", b"\x1b[1m"
OTHER_SCREEN, FORMER_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
AGO = re.compile(r"\b(now|\d+ (s|min) ago)\b")
LATER = "2099-01-01T00:00:00Z"


@pytest.fixture
def narad(locked_embedded: Locked, tmp_path: Path) -> CommandLine:
    """The command line for a service with keys, with the one that may do everything."""
    key = str(locked_embedded.admin_key["key"])
    return CommandLine(tmp_path / "home", NARAD_URL=locked_embedded.url, NARAD_API_KEY=key)


@pytest.fixture
def api(locked_embedded: Locked) -> TasksApi:
    """The HTTP API of that service."""
    return locked_embedded.service.api


@pytest.fixture
def failed(api: TasksApi, tag: str) -> dict[str, Any]:
    """A task that has FAILED."""
    task = api.create("demo.fail", {"fatal": True, "message": "no paper"}, tags=[tag])
    return api.wait_for(task["id"], "FAILED")


def see_that_it_is_for_people(seen: Seen, piped: Done, *looks: bytes) -> None:
    """The same command went well in both, and these looks are in the terminal, none of any kind elsewhere."""
    assert (seen.code, piped.code) == (0, 0), (seen, piped)
    assert all(look in seen.raw for look in looks), seen.raw
    assert "\x1b" not in piped.stdout + piped.stderr
    assert piped.stderr == ""


def see_that_it_is_bare(seen: Seen, piped: Done) -> None:
    """The same command went well in both, and a terminal gets what programs get: it is there to be copied."""
    assert (seen.code, piped.code) == (0, 0), (seen, piped)
    assert not seen.is_decorated, seen.raw
    assert [line.rstrip() for line in piped.stdout.splitlines() if line.strip()] == seen.lines


def test_lists_of_a_task(narad: CommandLine, api: TasksApi, tag: str) -> None:
    made = api.create("tests.log_and_fail_first", tags=[tag], name="with \x1b[31m in it")
    task = api.wait_for(made["id"], "COMPLETED")

    listed = narad.beside("tasks", "list", "--tag", tag)
    attempts = narad.beside("tasks", "attempts", task["id"])
    logged = narad.beside("tasks", "logs", task["id"])

    see_that_it_is_for_people(*listed, BOLD, GREEN)
    see_that_it_is_for_people(*attempts, BOLD, GREEN, RED)
    see_that_it_is_for_people(*logged, BOLD)
    assert RED not in listed[0].raw, "the name of a task steers the terminal"
    (head, row) = listed[0].lines
    assert head.split()[:3] == ["ID", "NAME", "STATUS"]
    assert row.startswith(f"{task['id']}  with �")
    assert AGO.search(row)
    assert task["created_at"] in listed[1].stdout
    assert [line.split()[:2] for line in attempts[0].lines[1:]] == [["1", "FAILED"], ["2", "COMPLETED"]]
    assert [line.split()[-2:] for line in logged[0].lines[1:]] == [["attempt", "1"], ["attempt", "2"]]
    assert AGO.search(logged[0].lines[1])


def test_one_task_and_its_result(narad: CommandLine, api: TasksApi, tag: str) -> None:
    task = api.wait_for(api.create("demo.echo", {"n": 3}, tags=[tag])["id"], "COMPLETED")

    got = narad.beside("tasks", "get", task["id"])
    result = narad.beside("tasks", "result", task["id"])

    see_that_it_is_for_people(*got, GREEN)
    see_that_it_is_bare(*result)
    assert got[0].fields["id"] == task["id"]
    assert got[0].fields["status"] == "COMPLETED"
    assert AGO.fullmatch(got[0].fields["finished_at"])
    assert dict(line.split(None, 1) for line in got[1].lines)["finished_at"] == task["finished_at"]
    assert json.loads(result[0].text) == {"n": 3}


def test_a_task_is_created_and_waited_for(narad: CommandLine, tag: str) -> None:
    seen = narad.seen("tasks", "create", "demo.echo", "-F", "n=3", "--tag", tag, "--wait")

    assert seen.code == 0
    assert re.fullmatch(r"Created [0-9a-f-]{36}\.", seen.lines[0])
    assert seen.fields["status"] == "COMPLETED"
    assert GREEN in seen.raw


def test_a_clone_is_watched_and_the_cursor_comes_back(narad: CommandLine, api: TasksApi, tag: str) -> None:
    task = api.wait_for(api.create("demo.echo", tags=[tag], name="first")["id"], "COMPLETED")

    seen = narad.seen("tasks", "clone", task["id"], "--name", "again", "--watch")

    assert seen.code == 0
    assert re.match(r"COMPLETED in .+ \(waited .+\)", seen.lines[-1])
    assert not any("IN_PROGRESS" in line for line in seen.lines), "the bar stays"
    assert seen.raw.count(HIDE_CURSOR) == seen.raw.count(SHOW_CURSOR) > 0


def test_a_wait_is_let_go_of_with_ctrl_c(narad: CommandLine, locked_embedded: Locked, tag: str) -> None:
    with narad.terminal("tasks", "create", "tests.hold", "-F", f"gate={tag}", "--wait", columns=200) as waiting:
        waiting.wait_for("Created ")
        waiting.press("\x03")
        assert waiting.end() == 130
    (resume,) = re.findall(r"To resume: narad tasks wait (\S+)", "\n".join(waiting.lines))

    over = narad.seen("tasks", "wait", resume, "--timeout", "0.2s")
    locked_embedded.service.gate(tag).touch()
    ended = narad.beside("tasks", "wait", resume)

    assert (over.code, f"narad tasks wait {resume}" in over.text) == (12, True)
    see_that_it_is_for_people(*ended, GREEN)
    assert ended[0].fields["status"] == "COMPLETED"


def test_tasks_are_cancelled_and_retried_by_id(
    narad: CommandLine, api: TasksApi, failed: dict[str, Any], tag: str
) -> None:
    later = api.create("demo.echo", tags=[tag], run_at=LATER)

    cancelled = narad.seen("tasks", "cancel", later["id"], "--reason", "enough")
    again = narad.seen("tasks", "cancel", later["id"])
    retried = narad.seen("tasks", "retry", failed["id"])

    assert (cancelled.code, again.code, retried.code) == (0, 0, 0)
    assert later["id"] in cancelled.lines[1]
    assert YELLOW in cancelled.raw
    assert "CANCELLED" in cancelled.lines[1]
    assert failed["id"] in retried.lines[1]
    assert BOLD in retried.raw
    api.wait_for(failed["id"], "FAILED")


def test_an_error_is_one_line(narad: CommandLine, failed: dict[str, Any]) -> None:
    ends = (
        narad.seen("tasks", "cancel", failed["id"]),
        narad.seen("tasks", "get", "0193b7c2-0000-7000-8000-000000000000"),
    )

    assert [one.code for one in ends] == [5, 3]
    for one in ends:
        assert re.fullmatch(r"narad: .+ \(request .+\)", one.text.replace("\n", " "))


def test_events_are_lines_of_json_until_ctrl_c(narad: CommandLine, api: TasksApi, tag: str) -> None:
    with narad.terminal("events", "tail", "--type", "task.created", columns=400) as tail:
        # Nothing tells when it has begun to listen: something happens until it has heard of it.
        while not tail.shows('"type":"task.created"', seconds=0.3):
            api.create("demo.echo", tags=[tag])
        tail.press("\x03")
        assert tail.end() == 130

    events = [json.loads(line) for line in tail.lines if line.startswith("{")]
    assert {event["type"] for event in events} == {"task.created"}
    assert b"\x1b" not in tail.raw


def test_queues_are_looked_at_and_held_up(narad: CommandLine, api: TasksApi, tag: str) -> None:
    api.create("demo.echo", tags=[tag], queue=tag, run_at=LATER)

    paused = narad.seen("queues", "pause", tag, "--reason", "flood")
    listed = narad.beside("queues", "list")
    shown = narad.beside("queues", "show", tag)
    resumed = narad.seen("queues", "resume", tag)

    see_that_it_is_for_people(*listed, BOLD, YELLOW)
    (row,) = [line for line in listed[0].lines if line.startswith(tag)]
    assert row.split()[1] == "paused"
    assert (shown[0].code, shown[0].fields["paused_reason"]) == (0, "flood")
    assert AGO.fullmatch(shown[0].fields["paused_at"])
    assert not AGO.search(shown[1].stdout)
    assert (paused.code, paused.fields["name"], paused.fields["paused"]) == (0, tag, "yes")
    assert (resumed.code, resumed.fields["name"], resumed.fields["paused"]) == (0, tag, "no")


def test_handlers_are_listed_shown_and_checked(narad: CommandLine) -> None:
    listed = narad.beside("handlers", "list")
    shown = narad.beside("handlers", "show", "demo.simulate", rows=100)
    checked = narad.beside("handlers", "check", "narad.handlers.demo")

    see_that_it_is_for_people(*listed, BOLD)
    assert listed[0].lines[0].split()[:2] == ["NAME", "OFFERED"]
    assert any(line.startswith("demo.echo ") for line in listed[0].lines)
    assert (shown[0].code, shown[0].fields["name"]) == (0, "demo.simulate")
    assert AGO.fullmatch(shown[0].fields["last_seen_at"])
    assert not AGO.search(shown[1].stdout)
    see_checked(*checked)


def see_checked(seen: Seen, piped: Done) -> None:
    """Its lines are parted by tabs, which a screen shows as room."""
    assert (seen.code, seen.is_decorated) == (0, False)
    assert [line.split() for line in seen.lines] == [line.split() for line in piped.lines]
    assert seen.lines[0].startswith("demo.echo ")


@pytest.fixture
def operation(locked_embedded: Locked, api: TasksApi, tag: str) -> Iterator[str]:
    """The id of a bulk operation."""
    later = api.create("demo.echo", tags=[tag], run_at=LATER)
    body = {"action": "cancel", "filter": {"tag": [tag]}}
    answer = locked_embedded.admin.post("/api/v1/bulk-operations", json=body)
    assert answer.status_code == 202, answer.text
    yield str(answer.json()["id"])
    api.wait_for(later["id"], "CANCELLED")


def test_bulk_operations_are_waited_for_and_looked_at(narad: CommandLine, operation: str) -> None:
    waited = narad.seen("bulk", "wait", operation)
    listed = narad.beside("bulk", "list")
    shown = narad.beside("bulk", "show", operation)

    assert (waited.code, waited.fields["status"], waited.fields["changed"]) == (0, "COMPLETED", "1")
    assert GREEN in waited.raw
    see_that_it_is_for_people(*listed, BOLD, GREEN)
    assert any(line.startswith(f"{operation}  cancel") for line in listed[0].lines)
    see_that_it_is_for_people(*shown, GREEN)
    assert AGO.fullmatch(shown[0].fields["created_at"])


def test_statistics_are_a_table_under_counts(narad: CommandLine, api: TasksApi, tag: str) -> None:
    api.wait_for(api.create("demo.echo", tags=[tag])["id"], "COMPLETED")

    seen, piped = narad.beside("stats", "--window", "1h")

    see_that_it_is_for_people(seen, piped, BOLD)
    assert seen.lines[0].startswith("NEW ")
    assert seen.lines[2].split()[:2] == ["HANDLER", "CREATED"]
    assert seen.lines[-1].startswith("all ")


def test_a_request_prints_the_answer_as_it_is(narad: CommandLine, failed: dict[str, Any]) -> None:
    seen, piped = narad.beside("request", "GET", f"/tasks/{failed['id']}", columns=2_000, rows=100)

    see_that_it_is_bare(seen, piped)
    assert json.loads(seen.text) == failed


def test_the_probe_says_what_it_found(narad: CommandLine) -> None:
    ready = narad.seen("health")
    away = narad.seen("health", "--url", "http://127.0.0.1:9")

    assert (ready.code, ready.lines) == (0, [f"{narad.variables['NARAD_URL']} is ready."])
    assert away.code == 1
    assert away.text.startswith("narad: ")
    assert not ready.is_decorated


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("q", 0)])
def test_the_full_screen_ends_with_a_key_and_gives_the_terminal_back(
    narad: CommandLine, locked_embedded: Locked, tag: str, key: str, code: int
) -> None:
    service = locked_embedded.service
    task = service.api.create("tests.hold", {"gate": tag}, tags=[tag])
    service.api.wait_for(task["id"], "IN_PROGRESS")

    with narad.terminal("top", "--every", "0.5", columns=160) as screen:
        screen.wait_for("queues · name", "default", task["id"])
        screen.press(key)
        assert screen.end() == code
    service.gate(tag).touch()

    assert 0 <= screen.raw.find(OTHER_SCREEN) < screen.raw.rfind(FORMER_SCREEN)
    assert screen.raw.rfind(HIDE_CURSOR) < screen.raw.rfind(SHOW_CURSOR)
