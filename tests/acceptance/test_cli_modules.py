"""`narad handlers` with modules, as a process: nothing of a service is needed."""

import json
from pathlib import Path

from tests.support.command_line import CommandLine


def test_modules_are_looked_into_without_a_service(tmp_path: Path) -> None:
    narad = CommandLine(tmp_path / "home", NARAD_URL="http://127.0.0.1:9")

    checked = narad("handlers", "check", "narad.handlers.demo")
    shown = narad("handlers", "show", "demo.echo", "-m", "narad.handlers.demo")
    wrong = narad("handlers", "check", "no.such.module")

    assert [line.split("\t")[0] for line in checked.lines] == ["demo.echo", "demo.fail", "demo.simulate"]
    assert narad("handlers", "list", "-m", "narad.handlers.demo").lines == checked.lines
    assert json.loads(shown.stdout)["name"] == "demo.echo"
    assert (wrong.code, wrong.stdout) == (1, "")
