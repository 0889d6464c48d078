"""Every command has a help with examples that work, a line in the documents, and a test that runs it."""

import re
import shlex

import pytest
import typer

from tests.support.cli_reference import (
    Words,
    commands,
    commands_called_in_tests,
    commands_run_in_terminals,
    commands_table,
    examples_of,
)
from tests.support.repository import text_of

COMMANDS = commands()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_help_has_two_or_three_examples_of_this_command(words: Words) -> None:
    examples = examples_of(COMMANDS[words])

    assert 2 <= len(examples) <= 3
    assert all(f"narad {' '.join(words)}" in example for example in examples)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_examples_are_commands_that_are_understood(words: Words) -> None:
    for example in examples_of(COMMANDS[words]):
        for part in example.split(" | "):
            # From the command on, without what a shell does with its output.
            found = re.search(rf"narad {' '.join(words)}(?P<rest>.*?)( > | && |$)", part)
            if found is not None:
                COMMANDS[words].make_context("narad", shlex.split(found["rest"]))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_is_run_by_a_test(words: Words) -> None:
    assert words in commands_called_in_tests(), f"no test runs narad {' '.join(words)}"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_is_run_in_a_terminal_by_a_test(words: Words) -> None:
    assert words in commands_run_in_terminals(), f"no test runs narad {' '.join(words)} in a terminal"


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(typer.TyperException):
        COMMANDS["tasks", "list"].make_context("narad", ["--colour-of-money"])


def test_the_table_of_commands_is_what_the_command_line_says() -> None:
    found = re.search(r"^\| command \| what it does \|\n(\|.*\n)+", text_of("docs/cli.md"), re.MULTILINE)

    assert found is not None
    assert found.group() == commands_table(), f"write this table to docs/cli.md:\n\n{commands_table()}"


def test_every_option_has_a_help() -> None:
    silent = [
        f"narad {' '.join(words)} {parameter.name}"
        for words, one in COMMANDS.items()
        for parameter in one.params
        if not getattr(parameter, "help", None)
    ]

    assert silent == []
