"""The README is a promise: its commands are run as they stand, but for the port of the service they speak to."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from narad import Client
from narad.client import ConnectionFailed, ServerError
from tests.support.leash import Leash
from tests.support.ports import free_port
from tests.support.processes import REPOSITORY, NaradProcess
from tests.support.readiness import wait_until_ready

README = (REPOSITORY / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
SETTINGS = {"NARAD_PORT": "0"}


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[NaradProcess]:
    """`narad dev --handlers thumbnails`, in an empty directory that holds the README's handler and nothing else."""
    directory = tmp_path / "dev"
    modules = tmp_path / "modules"
    modules.mkdir()
    (handler,) = blocks("python")
    (modules / "thumbnails.py").write_text(handler)
    search = f"{REPOSITORY}:{modules}"
    process = NaradProcess(
        "dev", "--handlers", "thumbnails", settings=SETTINGS | {"PYTHONPATH": search}, directory=directory
    )
    try:
        process.wait_until_ready()
        yield process
        assert process.stop() == 0
    finally:
        process.close()


def run(command: str, url: str, task_id: str) -> Any:  # noqa: ANN401 - JSON
    done = subprocess.run(
        ["bash", "-euc", command.replace(ADDRESS, url)],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "TASK_ID": task_id},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def commands() -> list[str]:
    """Every command of every shell block; a command may go on over several lines inside a quotation."""
    found: list[str] = []
    for block in blocks("bash"):
        for line in block.splitlines():
            if found and found[-1].count("'") % 2:
                found[-1] += "\n" + line
            else:
                found.append(line)
    return found


def test_every_curl_line_works_as_it_stands(service: NaradProcess) -> None:
    task_id = ""
    answers = []
    for command in commands():
        answer = run(command, service.url, task_id)
        assert "code" not in answer, (command, answer)
        answers.append(answer)
        if " -X POST " in command:
            task_id = answer["id"]

    handlers = [answer["handler"] for answer in answers if "handler" in answer]
    assert handlers == ["demo.simulate", "demo.echo", "demo.echo", "demo.echo", "images.thumbnail"]
    assert answers[-2]["status"] == "CANCELLED"
    *_, page = (answer for answer in answers if "next_cursor" in answer)
    assert any(item["id"] == task_id for item in page["items"])


def test_the_ten_line_handler_runs(service: NaradProcess) -> None:
    created = run(commands()[-1], service.url, "")
    status = f"curl -s {ADDRESS}/api/v1/tasks/$TASK_ID"

    task = created
    while task["status"] not in {"COMPLETED", "FAILED"}:
        task = run(status, service.url, created["id"])

    assert (task["status"], task["result"]) == ("COMPLETED", {"width": 320, "length": 29})


def test_the_ten_line_handler_runs_out_of_an_empty_directory(tmp_path: Path) -> None:
    """As it stands: the file, and beside it the command under it, with nothing that says where modules are."""
    directory, port = tmp_path / "empty", free_port()
    directory.mkdir()
    (handler,) = blocks("python")
    (directory / "thumbnails.py").write_text(handler)
    (command,) = re.findall(r"^(narad dev --handlers .*)$", README, re.MULTILINE)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    settings = ["env", "-i", f"PATH={path}", f"PYTHONPATH={REPOSITORY}", f"NARAD_PORT={port}"]
    leash = Leash([*settings, "sh", "-c", f"cd {directory} && exec {command}"], log=tmp_path / "log")
    try:
        with Client(f"http://127.0.0.1:{port}", max_retries=0) as narad:
            wait_until_ready(
                command,
                leash,
                tmp_path / "log",
                lambda: narad.request("GET", "/readyz"),
                not_yet=(ConnectionFailed, ServerError),
                seconds=30,
            )
            task = narad.tasks.create("images.thumbnail", {"url": "https://example.com/cover.png"})
            assert task.result(timeout=30) == {"width": 320, "length": 29}
    finally:
        leash.close()

    assert sorted(path.name for path in directory.iterdir()) == [".narad", "__pycache__", "thumbnails.py"]


def test_every_make_target_and_file_it_names_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (REPOSITORY / link).exists(), link


def test_every_narad_command_it_names_is_known() -> None:
    known = subprocess.run(
        [sys.executable, "-m", "narad", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    ).stdout
    for command in re.findall(r"^narad ([a-z]+)", README, re.MULTILINE):
        assert re.search(rf"\b{command}\b", known), command
