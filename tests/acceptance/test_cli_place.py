"""Commands that look at the place where they are run: `config`, `doctor`, `health`, `profile`, `completion`."""

import csv
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from narad.cli.groups import GROUPS
from tests.support.command_line import CommandLine
from tests.support.ports import free_port
from tests.support.service import Distributed, Embedded, StartEmbedded

SECRET = "do-not-show-this-to-anyone-at-all"  # noqa: S105 - opens nothing
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.fixture
def narad(tmp_path: Path) -> CommandLine:
    """The command line in an empty place."""
    return CommandLine(tmp_path / "home")


def states(narad: CommandLine, **variables: str) -> dict[str, str]:
    """What the doctor says of each check."""
    done = narad("doctor", "-o", "json", variables=variables)
    return {one["check"]: one["state"] for one in json.loads(done.stdout)["items"]}


def test_settings_are_shown_with_their_origin_and_without_secrets(narad: CommandLine) -> None:
    (narad.directory / ".env").write_text("NARAD_CONCURRENCY=7\n")
    (narad.directory / "secret").write_text(SECRET)
    variables = {
        "NARAD_DATABASE_URL": f"postgresql://narad:{SECRET}@db.example/narad",
        "NARAD_BROKER_URL": f"amqp://a:{SECRET}@one:5672/v,amqp://b:{SECRET}@two:5672/v",
        "NARAD_SECRET_KEY_FILE": "secret",
    }

    done = narad("config", "show", "-o", "csv", variables=variables)
    shown = {row["variable"]: row for row in csv.DictReader(io.StringIO(done.stdout))}

    assert SECRET not in done.stdout + done.stderr
    assert shown["NARAD_DATABASE_URL"]["value"] == "postgresql://narad:********@db.example/narad"
    assert shown["NARAD_BROKER_URL"]["value"].count("********") == 2
    assert shown["NARAD_SECRET_KEY"] == {"variable": "NARAD_SECRET_KEY", "value": "********", "from": "file"}
    assert (shown["NARAD_CONCURRENCY"]["value"], shown["NARAD_CONCURRENCY"]["from"]) == ("7", ".env")
    assert shown["NARAD_DATABASE_URL"]["from"] == "environment"
    assert shown["NARAD_PORT"]["from"] == "default"


def test_settings_are_checked_without_connecting(narad: CommandLine) -> None:
    good = narad("config", "check", variables={"NARAD_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"})
    wrong = narad("config", "check", variables={"NARAD_CONCURRENCY": "0"})
    clash = narad("config", "check", variables={"NARAD_BROKER_URL": "amqp://127.0.0.1:9/"})

    assert [one.code for one in (good, wrong, clash)] == [0, 1, 1]
    assert wrong.stderr.startswith("narad: NARAD_CONCURRENCY: ")
    assert "NARAD_BROKER_URL" in clash.stderr


def test_the_doctor_finds_nothing_at_a_running_service(embedded: Embedded, tmp_path: Path) -> None:
    variables = {name: value for name, value in embedded.settings.items() if name != "NARAD_PORT"}
    narad = CommandLine(tmp_path / "home", NARAD_URL=embedded.api.url, **variables)

    done = narad("doctor")
    found = states(narad)

    assert done.code == 0, done
    checks = ("settings", "handlers", "database", "schema", "clock", "workers", "keys", "broker", "service")
    assert {check: found[check] for check in checks} == dict.fromkeys(checks, "ok")


def test_the_doctor_looks_at_database_and_broker(distributed: Distributed, tmp_path: Path) -> None:
    variables = {name: value for name, value in distributed.settings.items() if name != "NARAD_PORT"}
    narad = CommandLine(tmp_path / "home", NARAD_URL=distributed.api.url, **variables)

    well = states(narad)
    ill = states(narad, NARAD_BROKER_URL="amqp://guest:guest@127.0.0.1:9/")

    assert (well["database"], well["broker"], well["workers"], well["clock"]) == ("ok", "ok", "ok", "ok")
    assert (ill["broker"], ill["database"]) == ("fail", "ok")


def test_the_doctor_says_what_is_wrong_and_what_to_do(narad: CommandLine) -> None:
    (narad.directory / ".env").write_text("")
    (narad.directory / ".env").chmod(0o644)
    away = f"http://127.0.0.1:{free_port()}"

    empty = narad("doctor", "--url", away)
    assert empty.code == 1
    assert "narad migrate" in empty.stdout
    assert states(narad, NARAD_PORT="none") == {"settings": "fail", "files": "warn"}
    assert states(narad, NARAD_HANDLERS="no.such.module")["handlers"] == "fail"

    assert narad("migrate").code == 0
    found = states(narad, NARAD_URL=away, NARAD_HOST=ANY_ADDRESS)
    assert (found["database"], found["schema"], found["workers"]) == ("ok", "ok", "warn")
    assert (found["keys"], found["files"], found["service"]) == ("fail", "warn", "warn")


def test_the_probe_of_the_api_says_whether_it_is_ready(start_embedded: StartEmbedded, tmp_path: Path) -> None:
    service = start_embedded()
    narad = CommandLine(tmp_path / "home", NARAD_URL=service.api.url)
    port = service.api.url.rpartition(":")[2]
    there = CommandLine(tmp_path / "there", NARAD_PORT=port, NARAD_HOST=ANY_ADDRESS)

    assert [narad("health").code, narad("health", "--live").code, there("health").code] == [0, 0, 0]
    service.processes[0].stop()
    gone = narad("health", "--timeout", "1")
    assert gone.code == 1
    assert gone.stderr.count("\n") == 1


def test_the_probe_of_a_worker_goes_by_its_row_and_its_process(start_embedded: StartEmbedded, tmp_path: Path) -> None:
    service = start_embedded(NARAD_WORKER_NAME="w-1", NARAD_LEASE_SECONDS="60", NARAD_HEARTBEAT_SECONDS="1")
    narad = CommandLine(tmp_path / "home", NARAD_DATABASE_URL=service.settings["NARAD_DATABASE_URL"])

    assert narad("health", "--worker").code == 0
    assert narad("health", "--worker", "--name", "w-1").code == 0
    assert narad("health", "--worker", "--name", "w-2").code == 1
    service.processes[0].kill()  # the lease goes on for a minute, the process does not
    assert narad("health", "--worker").code == 1


def test_profiles_are_made_used_listed_and_forgotten(narad: CommandLine, embedded: Embedded) -> None:
    config = narad.directory / "config" / "narad" / "config.toml"
    key = "nrd_abcdefgh_" + "s" * 40

    assert narad("profile", "set", "far", "--at", "http://127.0.0.1:9/").code == 0
    assert narad("profile", "set", "near", "--at", embedded.api.url, "--key-file", "-", typed=key + "\n").code == 0
    assert narad("tasks", "list").code == 6
    assert narad("profile", "use", "near").code == 0
    assert config.stat().st_mode & 0o777 == 0o600
    listed = narad("profile", "list", "-o", "json").json["items"]
    assert [(one["name"], one["current"], one["key"]) for one in listed] == [
        ("far", False, None),
        ("near", True, "abcdefgh"),
    ]
    assert "s" * 40 not in narad("profile", "list").stdout
    assert narad("tasks", "list").code in {0, 4}
    assert narad("tasks", "list", "--profile", "far").code == 6
    assert narad("profile", "remove", "near").code == 0
    assert narad("profile", "list", "-o", "name").lines == ["far"]
    assert narad("profile", "use", "near").code == 3
    assert narad("profile", "set", "new").code == 2


@pytest.mark.parametrize(
    ("shell", "word"),
    [("bash", "complete "), ("zsh", "#compdef"), ("fish", "complete "), ("powershell", "Register-ArgumentCompleter")],
)
def test_each_shell_gets_its_script(narad: CommandLine, shell: str, word: str) -> None:
    assert word in narad("completion", shell).stdout


def test_bash_completes_with_its_script(narad: CommandLine) -> None:
    bash = shutil.which("bash")
    assert bash is not None, "install bash"
    program = narad.directory / "bin" / "narad"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m narad "$@"\n')
    program.chmod(0o755)
    (narad.directory / "script").write_text(narad("completion", "bash").stdout)

    done = subprocess.run(
        [
            bash,
            "-c",
            ". ./script; COMP_WORDS=(narad tasks wa); COMP_CWORD=2; _narad_completion narad; echo ${COMPREPLY[@]}",
        ],
        env=narad.variables | {"PATH": f"{program.parent}:{os.environ['PATH']}"},
        cwd=narad.directory,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["wait", "watch"]


@pytest.mark.serial
def test_the_help_comes_at_once_and_loads_neither_rich_nor_the_server() -> None:
    # Processor time: other work on the machine does not count against it.
    took = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "narad", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "narad", "--help"], capture_output=True, text=True, check=True
    ).stderr

    loaded = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert not {"rich", "httpx2", "pydantic", "fastapi", "sqlalchemy", "narad.settings", "asyncio"} & loaded
    assert not {f"narad.cli.{group}" for group in GROUPS} & loaded
    assert statistics.median(took) < 0.2


def test_an_unknown_command_is_answered_with_the_nearest(narad: CommandLine) -> None:
    done = narad("tasks", "lits")

    assert done.code == 2
    assert "Did you mean 'list'?" in done.stderr
