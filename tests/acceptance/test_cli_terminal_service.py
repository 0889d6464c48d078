"""Commands that serve, and those of the place where they run, each in a terminal: seen to be up, ended by Ctrl-C."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.command_line import CommandLine, Terminal
from tests.support.keys_api import Locked
from tests.support.tasks_api import TasksApi

BOLD, GREEN, YELLOW, RED = b"\x1b[1m", b"\x1b[32m", b"\x1b[33m", b"\x1b[31m"
CTRL_C = "\x03"
GREETING = re.compile(r"^Narad listens on (http://\S+)$")
WIDE = 240
MANY = 500
"""Columns and rows of a screen that holds the keys of all tests that share the service."""


@pytest.fixture
def place(locked_embedded: Locked, tmp_path: Path) -> CommandLine:
    """The command line where a service with keys runs: with its settings, and the key that may do everything."""
    settings = dict(locked_embedded.service.settings) | {"NARAD_PORT": locked_embedded.url.rpartition(":")[2]}
    key = str(locked_embedded.admin_key["key"])
    return CommandLine(tmp_path / "home", NARAD_URL=locked_embedded.url, NARAD_API_KEY=key, **settings)


@pytest.fixture
def empty(tmp_path: Path) -> CommandLine:
    """The command line in a place where nothing is yet."""
    return CommandLine(tmp_path / "empty", NARAD_DATABASE_URL="sqlite:///narad.db", NARAD_PORT="0")


def url_on(terminal: Terminal) -> str:
    """Where the service of a terminal can be reached, once it says so."""
    lines = terminal.wait_for("Narad listens on", "curl -s")
    (url,) = [found[1] for line in lines if (found := GREETING.match(line))]
    return url


@pytest.fixture
def calls() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30) as client:
        yield client


def test_all_in_one_process_serves_until_ctrl_c(empty: CommandLine, calls: httpx2.Client) -> None:
    with empty.terminal("dev", columns=WIDE) as dev:
        url = url_on(dev)
        assert calls.get(f"{url}/readyz").json()["status"] == "ok"
        dev.press(CTRL_C)
        assert dev.end() == 0

    assert any("worker.started" in line for line in dev.lines)
    assert "worker.stopped" in "\n".join(dev.lines)
    assert GREEN in dev.raw, "the log of a terminal has colour"
    assert not any(line.startswith("{") for line in dev.lines)


def test_a_service_of_two_processes_in_a_place_of_its_own(empty: CommandLine) -> None:
    migrated = empty.seen("migrate")
    assert (migrated.code, migrated.is_decorated) == (0, False)
    assert re.fullmatch(r"The schema is at \w+, was at nothing\.", migrated.lines[-1])
    grey = CommandLine(empty.directory, **(_own(empty) | {"NO_COLOR": "1"}))

    with empty.terminal("api", columns=WIDE) as api, grey.terminal("run", "--roles", "worker", columns=WIDE) as worker:
        tasks = TasksApi(url_on(api))
        worker.wait_for("worker.started")
        tasks.wait_for(tasks.create("demo.echo")["id"], "COMPLETED")
        tasks.close()
        worker.press(CTRL_C)
        assert worker.end() == 0
        assert not api.shows("process.stopping", seconds=0), "Ctrl-C is for the terminal in which it is pressed"
        api.press(CTRL_C)
        assert api.end() == 0

    assert any("worker.stopped" in line for line in worker.lines)
    assert any("process.stopping" in line for line in api.lines)
    assert b"\x1b" in api.raw
    assert b"\x1b" not in worker.raw, "NO_COLOR is for the log too"


def test_a_worker_obeys_orders_of_another_terminal_and_ctrl_c(place: CommandLine) -> None:
    with place.terminal("worker", columns=WIDE) as worker:
        lines = worker.wait_for("worker.started")
        (worker_id,) = re.findall(r"worker_id=(\S+)", next(line for line in lines if "worker.started" in line))
        quietened = place.seen("workers", "quiet", worker_id)
        worker.wait_for("worker.quiet")
        listed = place.beside("workers", "list")
        shown = place.beside("workers", "show", worker_id)
        resumed = place.seen("workers", "resume", worker_id)
        worker.press(CTRL_C)
        assert worker.end() == 0

    assert (quietened.code, quietened.fields["id"], resumed.code, resumed.fields["id"]) == (0, worker_id, 0, worker_id)
    (row,) = [line for line in listed[0].lines if line.startswith(worker_id)]
    assert "quiet" in row.split()
    assert all(look in listed[0].raw for look in (BOLD, GREEN, YELLOW))
    assert (shown[0].fields["state"], YELLOW in shown[0].raw) == ("quiet", True)
    assert "\x1b" not in listed[1].stdout + shown[1].stdout
    assert (listed[0].code, shown[0].code) == (0, 0)


def test_a_worker_ends_when_another_terminal_tells_it_to_drain(place: CommandLine) -> None:
    with place.terminal("worker", columns=WIDE) as worker:
        lines = worker.wait_for("worker.started")
        (worker_id,) = re.findall(r"worker_id=(\S+)", next(line for line in lines if "worker.started" in line))
        drained = place.seen("workers", "drain", worker_id)
        assert worker.end() == 0

    assert (drained.code, drained.fields["id"]) == (0, worker_id)
    assert any("worker.stopped" in line for line in worker.lines)


def test_the_life_of_a_key(place: CommandLine, locked_embedded: Locked) -> None:
    created = place.seen("keys", "create", "laptop", "--role", "viewer")
    key_id = created.lines[0].split("_")[1]
    with locked_embedded.client(created.lines[0]) as client:
        assert client.get("/api/v1/tasks").status_code == 200
    rotated = place.seen("keys", "rotate", key_id)
    listed = place.beside("keys", "list", columns=MANY, rows=MANY)
    shown = place.beside("keys", "show", key_id)
    revoked = place.seen("keys", "revoke", key_id)

    for issued in (created, rotated):
        assert (issued.code, issued.is_decorated) == (0, False), "a key is there to be copied"
        assert re.fullmatch(rf"nrd_{key_id}_\w+", issued.lines[0])
        assert "It is shown this once" in issued.text
    (row,) = [line for line in listed[0].lines if line.startswith(f"{key_id}  laptop")]
    assert "active" in row  # how many columns there is room for depends on the other keys
    for seen, piped in (listed, shown):
        assert (seen.code, GREEN in seen.raw, "\x1b" in piped.stdout) == (0, True, False)
    assert shown[0].fields["expires_at"] == "in 89 d"
    assert (revoked.code, revoked.fields["state"], RED in revoked.raw) == (0, "revoked", True)


def test_the_signing_key_is_alone_on_the_screen(place: CommandLine) -> None:
    seen, piped = place.beside("signing-key")

    assert (seen.code, seen.is_decorated) == (0, False)
    assert re.fullmatch(r"[0-9a-f]{64}", seen.text)
    assert piped.lines == seen.lines


def test_the_doctor_finds_nothing_in_colour(place: CommandLine) -> None:
    seen, piped = place.beside("doctor")

    assert (seen.code, piped.code) == (0, 0), (seen, piped)
    assert seen.lines[0].split() == ["STATE", "CHECK", "FOUND", "TO", "DO"]
    assert seen.lines[-1] == "Nothing has to be done."
    assert BOLD in seen.raw
    assert GREEN in seen.raw
    assert "\x1b" not in piped.stdout + piped.stderr


def test_settings_are_a_table_and_are_checked(place: CommandLine) -> None:
    seen, piped = place.beside("config", "show", rows=200)
    checked = place.seen("config", "check")

    assert (seen.code, piped.code, checked.code) == (0, 0, 0)
    assert seen.lines[0].split() == ["VARIABLE", "VALUE", "FROM"]
    assert [line.split()[0] for line in seen.lines[1:]] == [line.split()[0] for line in piped.lines[1:]]
    assert any(line.split() == ["NARAD_LEASE_SECONDS", "5.0", "environment"] for line in seen.lines)
    assert BOLD in seen.raw
    assert "\x1b" not in piped.stdout
    assert checked.lines == ["The settings are valid. narad doctor looks at what they name."]


def test_profiles_are_made_used_listed_and_forgotten(empty: CommandLine) -> None:
    config = empty.directory / "config" / "narad" / "config.toml"

    made = empty.seen("profile", "set", "far", "--at", "http://127.0.0.1:9")
    used = empty.seen("profile", "use", "far")
    listed = empty.beside("profile", "list")
    removed = empty.seen("profile", "remove", "far")
    none = empty.seen("profile", "list")

    assert [one.code for one in (made, used, removed, none)] == [0, 0, 0, 0]
    assert made.text == f"Written to {config}."
    assert used.text.startswith("Commands go to http://127.0.0.1:9 now")
    assert [line.split() for line in listed[0].lines] == [
        ["NAME", "CURRENT", "URL", "KEY"],
        ["far", "yes", "http://127.0.0.1:9", "-"],
    ]
    assert BOLD in listed[0].raw
    assert "\x1b" not in listed[1].stdout
    assert removed.lines == ["far is forgotten."]
    assert none.lines == ["Nothing found."]
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


def test_the_version_and_a_script_are_printed_as_they_are(empty: CommandLine) -> None:
    version = empty.beside("version")
    script = empty.beside("completion", "bash", rows=100)

    for seen, piped in (version, script):
        assert (seen.code, seen.is_decorated) == (0, False)
        assert [line.split() for line in seen.lines] == [line.split() for line in piped.lines if line.strip()]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version[0].text)
    assert "_narad_completion" in script[0].text


def _own(narad: CommandLine) -> dict[str, str]:
    """Its settings."""
    return {name: value for name, value in narad.variables.items() if name.startswith("NARAD_")}
