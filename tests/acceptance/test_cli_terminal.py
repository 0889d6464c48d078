"""The command line in a terminal: what people see, and what their keys do."""

import re
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.service import Embedded


@pytest.fixture
def narad(embedded: Embedded, tmp_path: Path) -> CommandLine:
    """The command line for the shared service."""
    return CommandLine(tmp_path / "home", NARAD_URL=embedded.api.url)


def test_a_watched_task_shows_a_bar_and_log_lines_to_its_end(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    gates = [f"{tag}-{n}" for n in range(5)]

    with narad.terminal("tasks", "create", "tests.steps", "-F", f"gates={_json(gates)}", "--watch") as terminal:
        for number, gate in enumerate(gates):
            lines = terminal.wait_for(f"reached {gate}", f" {number * 20}% before {gate}")
            assert any("IN_PROGRESS" in line for line in lines)
            embedded.gate(gate).touch()
        assert terminal.end() == 0

    assert re.fullmatch(r"COMPLETED in .+ \(waited .+\)", terminal.lines[-1])
    assert not any("IN_PROGRESS" in line for line in terminal.lines)
    assert "s left" in terminal.raw.decode()


def test_ctrl_c_lets_go_of_a_watched_task_which_goes_on(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    task = embedded.api.create("tests.hold", {"gate": tag}, tags=[tag])

    with narad.terminal("tasks", "watch", task["id"]) as terminal:
        terminal.wait_for("IN_PROGRESS")
        terminal.press("\x03")
        assert terminal.end() == 130
    assert any("goes on" in line for line in terminal.lines)
    assert embedded.api.status(task["id"]) == "IN_PROGRESS"
    embedded.gate(tag).touch()
    embedded.api.wait_for(task["id"], "COMPLETED")


def test_a_table_has_colour_relative_times_and_whole_ids(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    task = embedded.api.create("demo.echo", tags=[tag], name="n" * 70)
    embedded.api.wait_for(task["id"], "COMPLETED")

    with narad.terminal("tasks", "list", "--tag", tag, columns=80) as narrow:
        assert narrow.end() == 0
    with narad.terminal("tasks", "list", "--tag", tag, columns=200) as wide:
        assert wide.end() == 0
    with narad.terminal("tasks", "list", "--tag", tag, "--color", "never", columns=200) as grey:
        assert grey.end() == 0

    assert any(line.startswith(task["id"]) for line in narrow.lines)
    assert all("QUEUE" not in line for line in narrow.lines)
    assert any("QUEUE" in line for line in wide.lines)
    assert any("ago" in line or "now" in line for line in wide.lines)
    assert b"\x1b[32m" in wide.raw
    assert b"\x1b[" not in grey.raw


def test_colour_obeys_the_environment(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    task = embedded.api.create("demo.echo", tags=[tag])
    embedded.api.wait_for(task["id"], "COMPLETED")

    with CommandLine(narad.directory, NARAD_URL=embedded.api.url, NO_COLOR="1").terminal(
        "tasks", "get", task["id"]
    ) as shown:
        assert shown.end() == 0

    assert b"\x1b[" not in shown.raw
    assert "\x1b[32m" in narad("tasks", "get", task["id"], "--color", "always").stdout


def test_a_bulk_order_asks_for_the_number(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    for _ in range(2):
        embedded.api.create("demo.echo", tags=[tag], run_at="2099-01-01T00:00:00Z")

    with narad.terminal("tasks", "cancel", "--tag", tag) as terminal:
        terminal.wait_for("This will cancel 2 tasks. Type 2 to go on")
        terminal.press("y\n")
        assert terminal.end() == 1
    assert len(narad("tasks", "list", "--tag", tag, "--status", "CANCELLED", "-o", "name").lines) == 0

    with narad.terminal("tasks", "cancel", "--tag", tag) as terminal:
        terminal.wait_for("Type 2 to go on")
        terminal.press("2\n")
        assert terminal.end() == 0
    assert len(narad("tasks", "list", "--tag", tag, "--status", "CANCELLED", "-o", "name").lines) == 2

    with narad.terminal("tasks", "cancel", "--tag", tag, "--no-input") as terminal:
        terminal.end()
    assert all("Type" not in line for line in terminal.lines)


def test_a_watched_list_renews_itself_until_ctrl_c(narad: CommandLine, embedded: Embedded, tag: str) -> None:
    task = embedded.api.create("tests.hold", {"gate": tag}, tags=[tag])

    with narad.terminal("tasks", "list", "--tag", tag, "--watch") as terminal:
        terminal.wait_for("IN_PROGRESS")
        embedded.gate(tag).touch()
        terminal.wait_for(task["id"], "COMPLETED")
        terminal.press("\x03")
        assert terminal.end() == 130
    assert narad("tasks", "list", "--watch").code == 2


def _json(names: list[str]) -> str:
    return "[" + ",".join(f'"{name}"' for name in names) + "]"
