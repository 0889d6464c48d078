"""`narad queues`, `workers`, `handlers`, `stats`, `request` and `top`, against the real service."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.keys_api import Locked
from tests.support.service import Embedded, StartEmbedded
from tests.support.tasks_api import wait_until


@pytest.fixture
def narad(embedded: Embedded, tmp_path: Path) -> CommandLine:
    """The command line for the shared service."""
    return CommandLine(tmp_path / "home", NARAD_URL=embedded.api.url)


def test_a_queue_is_paused_and_resumed(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    embedded.api.create("demo.echo", tags=[tag], queue="cellar", run_at="2099-01-01T00:00:00Z")

    paused = narad("queues", "pause", "cellar", "--reason", "flood", "-o", "json").json
    listed = narad("queues", "list").stdout
    shown = narad("queues", "show", "cellar", "-o", "json").json
    resumed = narad("queues", "resume", "cellar", "-o", "json").json

    assert (paused["paused"], shown["paused_reason"], resumed["paused"]) == (True, "flood", False)
    (line,) = [line for line in listed.splitlines() if line.startswith("cellar")]
    assert line.split()[1] == "paused"
    assert "default" in narad("queues", "list", "-o", "name").lines


def test_a_worker_is_quietened_resumed_and_drained(start_embedded: StartEmbedded, tmp_path: Path) -> None:
    service = start_embedded()
    narad = CommandLine(tmp_path / "home", NARAD_URL=service.api.url)
    (worker_id,) = narad("workers", "list", "-o", "name").lines

    def state() -> str:
        return str(narad("workers", "show", worker_id, "-o", "json").json["state"])

    assert narad("workers", "quiet", worker_id, "-o", "json").json["id"] == worker_id
    assert state() == "quiet"
    assert narad("workers", "resume", worker_id, "-o", "name").lines == [worker_id]
    assert state() == "online"
    assert narad("workers", "list", "--state", "lost", "-o", "name").lines == []
    assert worker_id in narad("workers", "list", "--all").stdout
    assert narad("workers", "drain", worker_id, "-o", "name").lines == [worker_id]
    assert service.processes[0].wait() == 0


def test_handlers_are_listed_and_shown(narad: CommandLine) -> None:
    assert "demo.echo" in narad("handlers", "list", "-o", "name").lines
    shown = narad("handlers", "show", "demo.simulate", "-o", "json").json
    assert "seconds" in shown["payload_schema"]["properties"]
    assert narad("handlers", "show", "no.such").code == 3


def test_statistics_are_shown_by_handler(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    task = embedded.api.create("demo.echo", tags=[tag])
    embedded.api.wait_for(task["id"], "COMPLETED")
    wait_until(
        lambda: any(one["handler"] == "demo.echo" for one in narad("stats", "-o", "json").json["handlers"]), "it counts"
    )

    lines = narad("stats", "--window", "1h").lines

    assert lines[0].startswith("NEW ")
    assert any(line.startswith("demo.echo ") for line in lines)
    assert lines[-1].startswith("all ")


def test_any_request_can_be_made(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    created = narad(
        "request", "post", "/tasks", "-i", f'{{"name": "raw", "tags": ["{tag}"], "run_at": "2099-01-01T00:00:00Z"}}'
    )
    task_id = created.json["id"]

    assert narad("request", "GET", f"/tasks?tag={tag}&limit=1").json["items"][0]["id"] == task_id
    assert narad("request", "GET", "/readyz").json["status"] == "ok"
    stale = narad("request", "PATCH", f"/tasks/{task_id}", "-i", '{"name": "x"}', "--header", 'If-Match: "v99"')
    assert stale.code == 5
    assert narad("request", "DELETE", f"/tasks/{task_id}").json["status"] == "CANCELLED"
    assert narad("request", "FETCH", "/tasks").code == 2


def test_a_key_comes_from_the_environment_or_a_profile_and_goes_to_its_service_alone(
    locked_embedded: Locked, tmp_path: Path
) -> None:
    narad = CommandLine(tmp_path / "home", NARAD_URL=locked_embedded.url)
    viewer = locked_embedded.create(role="viewer")["key"]

    nobody = narad("tasks", "list")
    reads = narad("tasks", "list", variables={"NARAD_API_KEY": viewer})
    writes = narad("tasks", "create", "demo.echo", variables={"NARAD_API_KEY": viewer})
    kept = narad("profile", "set", "ours", "--at", locked_embedded.url, "--key-file", "-", typed=viewer)
    by_profile = narad("tasks", "list", "--profile", "ours")

    assert [one.code for one in (nobody, reads, writes, kept, by_profile)] == [4, 0, 4, 0, 0]
    assert "NARAD_API_KEY" in nobody.stderr


def test_the_full_screen_shows_what_runs_and_ends_with_q(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    task = embedded.api.create("tests.hold", {"gate": tag}, tags=[tag], name="held for the screen")
    embedded.api.wait_for(task["id"], "IN_PROGRESS")

    with narad.terminal("top", "--every", "0.5", columns=160) as terminal:
        terminal.wait_for(task["id"], "held for the screen", "default")
        embedded.gate(tag).touch()
        terminal.press("q")
        assert terminal.end() == 0


def test_the_full_screen_needs_a_terminal(narad: CommandLine) -> None:
    done = narad("top")

    assert (done.code, done.stdout) == (2, "")
    assert "narad stats -o json" in done.stderr


def test_without_textual_the_full_screen_says_how_to_install_it(narad: CommandLine) -> None:
    # An entry of the path that comes first and hides the package, as if it were not installed.
    hiding = narad.directory / "hiding"
    hiding.mkdir()
    (hiding / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'textual' else real(name, *more)\n"
    )
    search = f"{hiding}:{narad.variables['PYTHONPATH']}"

    done = narad("top", variables={"PYTHONPATH": search})

    assert done.code == 1
    assert "pip install 'narad[tui]'" in done.stderr
