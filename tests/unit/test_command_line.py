"""The command line: what it shows, and how it says no."""

import pytest
from typer.testing import CliRunner

import narad
from narad.cli.main import app


def run(*arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code of a command and all that it printed."""
    result = CliRunner().invoke(app, list(arguments), env=dict(variables))
    return result.exit_code, result.output


def test_help_names_every_command() -> None:
    code, output = run("--help")

    assert code == 0
    assert all(command in output for command in ("dev", "api", "worker", "run", "migrate", "keys", "version"))


def test_the_version_is_that_of_the_package() -> None:
    assert run("version") == (0, f"{narad.__version__}\n")


def test_an_unknown_role_is_refused_with_those_that_are_known() -> None:
    code, output = run("run", "--roles", "api,cook")

    assert code == 2
    assert "cook" in output
    assert all(role in output for role in ("api", "relay", "worker", "upkeep"))


@pytest.mark.parametrize(
    "command", [["migrate"], ["api"], ["worker"], ["run", "--roles", "worker"], ["dev"], ["keys", "list"]]
)
def test_a_bad_setting_ends_every_command_with_one_line_that_names_it(command: list[str]) -> None:
    code, output = run(*command, NARAD_DATABASE_POOL="none")

    assert code == 1
    assert output.startswith("narad: NARAD_DATABASE_POOL: ")
    assert output.count("\n") == 1
