"""`narad handlers` without a service: what modules hold, and what keeps a worker from starting with them."""

import json
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from textwrap import dedent

import pytest
from typer.testing import CliRunner, Result

from narad.cli.main import app

HANDLERS = """
    from typing import Annotated
    from collections.abc import AsyncIterator
    from narad import Resource, Snooze, handler, lifespan

    class Pool: ...

    @handler("a.loop", queue="fast", version="3", redact="secret")
    async def on_loop(a: int, pool: Annotated[Pool, Resource], secret: str = "") -> int | Snooze:
        '''Do it.'''
        return a

    @handler("a.thread")
    def in_thread() -> None: ...

    @handler("a.process", isolation="process")
    def in_process() -> None: ...
"""
LIFESPAN = """
    @lifespan
    async def pool() -> AsyncIterator[Pool]:
        yield Pool()
"""

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> str:
        name = f"written_{token_hex(6)}"
        (tmp_path / f"{name}.py").write_text(dedent(text))
        return name

    return write


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["handlers", *arguments])


def test_check_names_every_handler_and_lifespan_and_where_it_is(write: Write) -> None:
    name = write(HANDLERS + LIFESPAN)

    result = run("check", name)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"a.loop\tfast\tasync\t{name}.on_loop",
        f"a.process\tdefault\tprocess\t{name}.in_process",
        f"a.thread\tdefault\tthread\t{name}.in_thread",
        f"Pool\t-\tlifespan\t{name}.pool",
    ]
    assert run("list", "-m", name).stdout == result.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("", "holds no handler"),
        (HANDLERS, "a.loop asks for a Pool by its parameter 'pool', and no lifespan provides one"),
    ],
)
def test_check_says_what_would_keep_a_worker_from_starting(write: Write, text: str, words: str) -> None:
    result = run("check", write(text))

    assert result.exit_code == 1
    assert result.stderr.startswith("narad: ")
    assert words in result.stderr


def test_check_goes_on_after_a_problem(write: Write) -> None:
    good, bad, worse = write(HANDLERS + LIFESPAN), write("1 / 0"), "no_such_module_at_all"

    result = run("check", good, bad, worse)

    assert result.exit_code == 1
    assert "a.thread" in result.stdout
    assert len(result.stderr.splitlines()) == 2


def test_check_refuses_one_name_twice_with_both_places(write: Write) -> None:
    first, second = (write("from narad import handler\n@handler('same')\ndef f(): ...") for _ in range(2))

    result = run("check", first, second)

    assert result.exit_code == 1
    assert f"Two handlers are called same: {first}.f and {second}.f" in result.stderr


def test_show_is_what_a_worker_would_publish(write: Write) -> None:
    name = write(HANDLERS + LIFESPAN)

    shown = json.loads(run("show", "a.loop", "-m", name).stdout)

    assert (shown["name"], shown["queue"], shown["title"]) == ("a.loop", "fast", "Do it.")
    assert list(shown["payload_schema"]["properties"]) == ["a", "secret"]
    assert shown["result_schema"] == {"type": "integer"}
    assert shown["resources"] == {"pool": "Pool"}
    assert (shown["options"]["version"], shown["options"]["redact"]) == ("3", ["secret"])


def test_show_of_a_name_that_is_not_there_names_those_that_are(write: Write) -> None:
    result = run("show", "a.lop", "-m", write(HANDLERS + LIFESPAN))

    assert result.exit_code == 3
    assert "no handler a.lop; they hold a.loop, a.process, a.thread" in result.stderr
