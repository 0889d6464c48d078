"""The tree of commands, and what the documents must say of it."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import TypeAlias

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from narad.cli.main import app
from tests.support.repository import ROOT

Words: TypeAlias = tuple[str, ...]

_IN_A_TERMINAL = frozenset({"terminal", "seen", "beside"})
"""Methods of a `CommandLine`."""


def commands() -> dict[Words, TyperCommand]:
    """Every command by its words after `narad`."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(_below(root, ()))


def _below(group: TyperGroup, words: Words) -> Iterator[tuple[Words, TyperCommand]]:
    for name, one in group.commands.items():
        if isinstance(one, TyperGroup):
            yield from _below(one, (*words, name))
        elif isinstance(one, TyperCommand):
            yield (*words, name), one


def examples_of(one: TyperCommand) -> list[str]:
    """The examples below the help of a command."""
    return [line.strip() for line in (one.epilog or "").splitlines() if line.startswith("  ")]


def commands_table() -> str:
    """The table of `docs/cli.md`."""
    rows = ["| command | what it does |", "|---|---|"]
    for words, one in commands().items():
        first = (one.help or "").partition("\n")[0]
        rows.append(f"| `narad {' '.join(words)}` | {first.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


@cache
def commands_called_in_tests() -> set[Words]:
    """The leading constant words of every call in the tests; a command is among them when a test runs it."""
    found: set[Words] = set()
    for node in _nodes_of_tests():
        if isinstance(node, ast.Call):
            found.update(_leading(node.args))
        elif isinstance(node, ast.List | ast.Tuple):
            found.update(_leading(node.elts))
    return found


@cache
def commands_run_in_terminals() -> set[Words]:
    """The words with which the calls begin by which tests run a command in a terminal."""
    found: set[Words] = set()
    for node in _nodes_of_tests():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _IN_A_TERMINAL:
            texts = _texts(node.args[:2])
            found |= {tuple(text for text in texts[:number] if text is not None) for number in (1, 2)}
    return found


def _nodes_of_tests() -> Iterator[ast.AST]:
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def _leading(arguments: list[ast.expr]) -> Iterator[Words]:
    """Two words or one, wherever they stand: some helpers take the address of a database before them."""
    texts = _texts(arguments)
    for at, text in enumerate(texts):
        if text is None:
            continue
        yield (text,)
        following = texts[at + 1] if at + 1 < len(texts) else None
        if following is not None:
            yield text, following


def _texts(arguments: list[ast.expr]) -> list[str | None]:
    """What stands there as a text, None for everything else."""
    return [one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else None for one in arguments]
