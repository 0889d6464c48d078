"""`narad tasks`, `bulk` and `events`: every command as a process against the real service."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired
from uuid import uuid4

import pytest

from tests.support.command_line import CommandLine
from tests.support.service import Service


@pytest.fixture
def narad(service: Service, tmp_path: Path) -> CommandLine:
    """The command line for the shared service, in both modes."""
    return CommandLine(tmp_path / "home", NARAD_URL=service.api.url)


def test_a_task_is_created_waited_for_and_its_result_printed(narad: CommandLine, tag: str) -> None:
    created = narad(
        "tasks", "create", "demo.echo", "-F", "n=3", "-F", "word=hello", "--tag", tag, "-p", "high", "-o", "json"
    )
    task = created.json
    waited = narad("tasks", "wait", task["id"], "--timeout", "30s", "-o", "jsonl")
    result = narad("tasks", "result", task["id"])

    assert (task["priority"], task["name"], task["tags"]) == ("HIGH", "demo.echo", [tag])
    assert waited.json["status"] == "COMPLETED"
    assert result.json == {"n": 3, "word": "hello"}
    assert (created.stderr, result.stderr) == ("", "")


def test_the_payload_comes_from_a_text_a_file_or_standard_input(narad: CommandLine, tag: str) -> None:
    (narad.directory / "payload.json").write_text('{"from": "file"}')

    for options, typed, word in (
        (["-i", '{"from": "text"}'], "", "text"),
        (["-f", "payload.json"], "", "file"),
        (["-f", "-"], '{"from": "pipe"}', "pipe"),
    ):
        done = narad("tasks", "create", "demo.echo", *options, "--tag", tag, "--wait", "-o", "json", typed=typed)
        assert done.json["result"] == {"from": word}


def test_the_exit_code_of_a_wait_tells_the_outcome(narad: CommandLine, service: Service, tag: str) -> None:
    failed = narad("tasks", "create", "demo.fail", "-F", "fatal=true", "--tag", tag, "--wait", "-o", "json")
    held = service.api.create("tests.hold", {"gate": f"{tag}-never"}, tags=[tag])
    over = narad("tasks", "wait", held["id"], "--timeout", "0.3s")
    cancelled = narad("tasks", "cancel", held["id"], "--reason", "enough", "-o", "name")
    ended = narad("tasks", "wait", held["id"], "-o", "json")

    assert (failed.code, json.loads(failed.stdout)["status"]) == (10, "FAILED")
    assert (over.code, over.stdout) == (12, "")
    assert f"narad tasks wait {held['id']}" in over.stderr
    assert cancelled.lines == [held["id"]]
    assert (ended.code, json.loads(ended.stdout)["cancel_reason"]) == (11, "enough")


def test_a_dry_run_prints_the_request_and_creates_nothing(narad: CommandLine, tag: str) -> None:
    shown = narad("tasks", "create", "demo.echo", "-F", "n=1", "--tag", tag, "--in", "10m", "--dry-run")

    assert shown.json["payload"] == {"n": 1}
    assert shown.json["run_at"] > "2026"
    assert narad("tasks", "list", "--tag", tag, "-o", "name").lines == []


def test_an_idempotency_key_creates_once(narad: CommandLine, tag: str) -> None:
    ids = {
        narad("tasks", "create", "demo.echo", "--tag", tag, "--idempotency-key", tag, "-o", "name").stdout for _ in "12"
    }

    assert len(ids) == 1


def test_a_list_is_filtered_sorted_and_printed_in_every_format(narad: CommandLine, service: Service, tag: str) -> None:
    names = ["a, b", "c\x1b[31m d", "e"]
    made = service.api.wait_for_all([service.api.create("demo.echo", tags=[tag], name=name) for name in names])
    ids = [task["id"] for task in made]
    listed = ("tasks", "list", "--tag", tag, "--status", "completed", "--since", "1h", "--sort", "created_at")

    table = narad(*listed).lines
    rows = list(csv.DictReader(io.StringIO(narad(*listed, "-o", "csv").stdout)))

    assert table[0].split() == [
        "ID",
        "NAME",
        "STATUS",
        "CREATED",
        "HANDLER",
        "PROGRESS",
        "ERROR",
        "PRIORITY",
        "QUEUE",
        "FINISHED",
    ]
    assert [line.split()[0] for line in table[1:]] == ids
    assert made[0]["created_at"] in table[1]
    assert "\x1b" not in narad(*listed).stdout
    assert [row["name"] for row in rows] == ["a, b", "c�[31m d", "e"]
    assert [row["created"] for row in rows] == [task["created_at"] for task in made]
    assert [one["id"] for one in narad(*listed, "-o", "json").json["items"]] == ids
    assert [json.loads(line)["id"] for line in narad(*listed, "-o", "jsonl").lines] == ids
    assert narad(*listed, "-o", "name").lines == ids
    assert narad(*listed, "-o", "none").stdout == ""
    assert "ago" in narad(*listed, "--time-format", "relative").stdout
    assert narad(*listed, "-n", "2", "-o", "name").lines == ids[:2]


def test_a_list_of_all_goes_through_every_page(narad: CommandLine, service: Service, tag: str) -> None:
    items = [{"name": str(n), "handler": "demo.echo", "tags": [tag]} for n in range(205)]
    assert service.api.http.post("/api/v1/tasks/batch", json={"items": items}).status_code == 201

    assert len(narad("tasks", "list", "--tag", tag, "--all", "-o", "name").lines) == 205
    assert len(narad("tasks", "list", "--tag", tag, "-n", "202", "-o", "jsonl").lines) == 202


def test_a_task_is_shown_whole_with_its_attempts_and_log(narad: CommandLine, service: Service, tag: str) -> None:
    task = service.api.create("tests.log_and_fail_first", tags=[tag])
    other = service.api.create("demo.echo", tags=[tag])
    service.api.wait_for_all([task, other])

    shown = dict(line.split(None, 1) for line in narad("tasks", "get", task["id"]).lines if " " in line.strip())
    attempts = narad("tasks", "attempts", task["id"], "-o", "json").json["items"]
    logged = narad("tasks", "logs", task["id"], "-o", "json").json["items"]

    assert (shown["status"], shown["id"]) == ("COMPLETED", task["id"])
    assert [one["outcome"] for one in attempts] == ["FAILED", "COMPLETED"]
    assert [line["message"] for line in logged] == ["attempt 1", "attempt 2"]
    assert narad("tasks", "logs", task["id"], "--level", "error", "-o", "name").lines == []
    assert narad("tasks", "get", task["id"], other["id"], "-o", "name").lines == [task["id"], other["id"]]


def test_watching_without_a_terminal_says_each_step_and_prints_the_log(
    narad: CommandLine, service: Service, tag: str
) -> None:
    gates = [f"{tag}-{n}" for n in range(2)]
    for gate in gates:
        service.gate(gate).touch()
    task = service.api.create("tests.steps", {"gates": gates}, tags=[tag], name="climb")

    done = narad("tasks", "watch", task["id"])
    again = narad("tasks", "watch", task["id"], "-o", "json", "-q")

    assert done.code == 0
    assert [line.split()[1:] for line in done.lines] == [["INFO", "reached", gate] for gate in gates]
    assert done.stderr.splitlines()[-1].startswith("COMPLETED in ")
    assert "(waited " in done.stderr
    assert (again.json["result"], again.code) == (2, 0)


def test_progress_without_a_terminal_is_a_line_for_every_tenth(narad: CommandLine, tag: str) -> None:
    done = narad("tasks", "create", "demo.simulate", "-F", "seconds=2", "-F", "steps=4", "--tag", tag, "--watch")

    said = done.stderr.splitlines()
    percents = [int(line.split("%")[0]) for line in said if "%" in line]
    assert done.code == 0
    assert percents == sorted(set(percents))
    assert percents[-1] == 100
    assert {20, 50, 70} & set(percents)


def test_a_watched_task_that_fails_says_why_and_ends_with_10(narad: CommandLine, tag: str) -> None:
    done = narad("tasks", "create", "demo.fail", "-F", "fatal=true", "-F", "message=no paper", "--tag", tag, "--watch")

    assert done.code == 10
    assert done.stderr.splitlines()[-1].endswith("Fatal: no paper")


def test_a_clone_differs_as_it_is_told(narad: CommandLine, service: Service, tag: str) -> None:
    task = service.api.create("demo.echo", {"n": 1}, tags=[tag])

    clone = narad("tasks", "clone", task["id"], "--name", "again", "-F", "n=2", "--wait", "-o", "json").json

    assert clone["id"] != task["id"]
    assert (clone["name"], clone["result"]) == ("again", {"n": 2})


def test_tasks_are_retried_by_ids_from_a_pipe_and_by_filter(narad: CommandLine, service: Service, tag: str) -> None:
    tasks = [service.api.create("demo.fail", {"fatal": True}, tags=[tag]) for _ in range(3)]
    service.api.wait_for_all(tasks, "FAILED")
    chosen = ("--tag", tag, "--status", "failed")

    piped = narad(
        "tasks", "retry", "-", "-o", "name", typed=narad("tasks", "list", *chosen, "-n", "1", "-o", "name").stdout
    )
    service.api.wait_for_all(tasks, "FAILED")
    counted = narad("tasks", "retry", *chosen, "--dry-run", "-o", "json").json
    unasked = narad("tasks", "retry", *chosen)
    done = narad("tasks", "retry", *chosen, "--yes", "-o", "json").json

    assert piped.code == 0
    assert counted["would_change"] == {"value": 3, "relation": "eq"}
    assert (unasked.code, unasked.stdout) == (2, "")
    assert "--yes" in unasked.stderr
    assert (done["status"], done["changed"]) == ("COMPLETED", 3)
    assert narad("bulk", "show", done["id"], "-o", "json").json["changed"] == 3
    assert narad("bulk", "wait", done["id"], "-o", "name").lines == [done["id"]]
    assert done["id"] in narad("bulk", "list", "-o", "name").lines


def test_tasks_are_cancelled_by_filter(narad: CommandLine, service: Service, tag: str) -> None:
    later = [service.api.create("demo.echo", tags=[tag], run_at="2099-01-01T00:00:00Z") for _ in range(2)]

    ordered = narad("tasks", "cancel", "--tag", tag, "--yes", "--no-wait", "--reason", "over", "-o", "json").json
    service.api.wait_for_all(later, "CANCELLED")

    assert ordered["reason"] == "over"
    assert narad("tasks", "cancel", "--tag", tag, "--status", "pending", "--yes").stderr == "No task is meant.\n"


@pytest.mark.parametrize("arguments", [["tasks", "cancel"], ["tasks", "retry", "0193b7c2", "--tag", "x"]])
def test_an_order_that_does_not_say_which_tasks_is_wrong_use(narad: CommandLine, arguments: list[str]) -> None:
    done = narad(*arguments)

    assert done.code == 2
    assert "Say which tasks" in done.stderr


def test_errors_have_codes_of_their_kind_and_name_the_request(narad: CommandLine, service: Service, tag: str) -> None:
    task = service.api.create("demo.echo", tags=[tag])
    service.api.wait_for(task["id"], "COMPLETED")

    missing = narad("tasks", "get", str(uuid4()))
    conflict = narad("tasks", "retry", task["id"])
    unknown = narad("tasks", "create", "demo.ecko")
    unparsed = narad("tasks", "create", "demo.echo", "-i", "{")
    away = narad("tasks", "list", "--url", "http://127.0.0.1:9")

    assert [one.code for one in (missing, conflict, unknown, unparsed, away)] == [3, 5, 2, 2, 6]
    assert "(request " in missing.stderr
    assert "demo.echo" in unknown.stderr
    assert all(
        one.stdout == "" and one.stderr.startswith("narad: ") for one in (missing, conflict, unknown, unparsed, away)
    )
    assert all(one.stderr.count("\n") == 1 for one in (missing, conflict, unknown, unparsed, away))


def test_debug_shows_where_an_error_comes_from(narad: CommandLine) -> None:
    assert "Traceback" in narad("tasks", "get", str(uuid4()), "--debug").stderr


def test_events_are_printed_as_json_lines_while_they_happen(narad: CommandLine, service: Service, tag: str) -> None:
    created = []

    with narad.piped("events", "tail", "--type", "task.creat*", "-n", "1") as tail:
        # Nothing tells when it has begun to listen: something happens until it has heard of it.
        while tail.poll() is None:
            created.append(service.api.create("demo.echo", tags=[tag])["id"])
            with suppress(TimeoutExpired):
                tail.wait(0.2)
        assert tail.stdout is not None
        (line,) = tail.stdout.read().splitlines()
    event = json.loads(line)

    assert (tail.returncode, event["type"]) == (0, "task.created")
    assert event["data"]["id"] in created


def test_a_reader_that_has_enough_ends_a_command_without_complaint(
    narad: CommandLine, service: Service, tag: str
) -> None:
    items = [{"name": str(n), "handler": "demo.echo", "tags": [tag]} for n in range(150)]
    assert service.api.http.post("/api/v1/tasks/batch", json={"items": items}).status_code == 201

    with narad.piped("tasks", "list", "--tag", tag, "--all", "-o", "jsonl") as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == ""
        assert listing.wait(30) == 0
