"""`narad keys`: keys from the command line, on the database itself."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import NaradProcess

Start = Callable[..., NaradProcess]
Run = Callable[..., NaradProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs `narad` on a database, to its end."""
    started: list[NaradProcess] = []

    def run(url: str, *arguments: str) -> NaradProcess:
        settings = {"NARAD_DATABASE_URL": url, "NARAD_LOG_FORMAT": "json"}
        started.append(NaradProcess(*arguments, settings=settings, directory=tmp_path / f"run{len(started)}"))
        started[-1].wait()
        return started[-1]

    yield run
    for process in started:
        process.close()


@pytest.fixture
def run(start: Start, sqlite_url: str) -> Run:
    """Runs `narad` on a SQLite database at head."""
    return partial(start, sqlite_url)


def printed(process: NaradProcess) -> Any:  # noqa: ANN401 - JSON
    assert process.wait() == 0, process.tail()
    return json.loads(process.stdout)


def test_the_life_of_a_key(start: Start, database_url: str) -> None:
    run = partial(start, database_url)
    made = printed(
        run("keys", "create", "Thumbnailer", "--role", "viewer", "--scope", "tasks:write", "--owner", "Ann",
            "--network", "10.1.2.3/8", "--handler", "demo.echo", "--handler", "demo.fail", "--rate-limit", "5/second",
            "--expires-in-days", "1", "-o", "json")
    )  # fmt: skip
    assert made["scopes"] == ["tasks:write"]
    assert made["networks"] == ["10.0.0.0/8"]
    assert made["handlers"] == ["demo.echo", "demo.fail"]
    assert made["created_by"].startswith("cli:")

    token = made.pop("key")
    assert token.startswith(f"nrd_{made['id']}_")
    assert printed(run("keys", "show", made["id"], "-o", "json")) == made
    assert printed(run("keys", "list", "-o", "json"))["items"] == [made]

    rotated = printed(run("keys", "rotate", made["id"], "--overlap-seconds", "60", "-o", "json"))
    assert rotated["id"] == made["id"]
    assert rotated["key"] != token
    assert rotated["previous_until"] is not None

    revoked = printed(run("keys", "revoke", made["id"], "-o", "json"))
    assert revoked["state"] == "revoked"
    again = run("keys", "rotate", made["id"])
    assert again.wait() == 3
    assert made["id"] in again.stderr


def test_a_new_key_is_alone_on_standard_output(run: Run) -> None:
    process = run("keys", "create", "laptop", "--role", "admin")

    assert process.wait() == 0
    (token,) = process.stdout.splitlines()
    assert token.startswith("nrd_")
    assert token not in process.stderr


def test_keys_are_shown_as_a_table(run: Run) -> None:
    made = printed(run("keys", "create", "laptop", "--role", "admin", "-o", "json"))

    header, row = run("keys", "list").stdout.splitlines()
    shown = run("keys", "show", made["id"]).stdout

    assert header.split()[:3] == ["ID", "NAME", "STATE"]
    assert row.split()[:3] == [made["id"], "laptop", "active"]
    assert f"id              {made['id']}" in shown
    assert made["key"].split("_")[2] not in shown


def test_a_key_that_is_not_there_is_said_so(run: Run) -> None:
    process = run("keys", "revoke", "aaaaaaaa")

    assert process.wait() == 3
    assert process.stderr.splitlines()[-1].startswith("narad: There is no key aaaaaaaa")
    assert process.stdout == ""


@pytest.mark.parametrize(("options", "word"), [([], "role"), (["--role", "viewer", "--network", "here"], "--network")])
def test_what_cannot_be_is_refused_in_one_line(run: Run, options: list[str], word: str) -> None:
    process = run("keys", "create", "x", *options)

    assert process.wait() == 1
    (line,) = process.stderr.splitlines()
    assert line.startswith("narad: ")
    assert word in line


def test_an_old_schema_is_refused_with_the_command_that_helps(start: Start, tmp_path: Path) -> None:
    process = start(f"sqlite:///{tmp_path}/empty.db", "keys", "list")

    assert process.wait() == 1
    assert "narad migrate" in process.stderr
