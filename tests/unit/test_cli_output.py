"""Printing, and reading what people write, without a service."""

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narad.cli import given as read
from narad.cli.columns import Column, Kind, TimeFormat, duration, exact, moment, plain, printable, relative, written
from narad.cli.exits import ExitCode, of_answer, of_task
from narad.cli.failure import Failure
from narad.cli.output import Colour, Look, Output, Printer, fitting
from narad.cli.settings_shown import redacted
from narad.cli.tasks.following import last_line
from narad.cli.tasks.views import remaining

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ITEM = {
    "id": "a",
    "count": {"value": 10_000, "relation": "gte"},
    "part": 0.256,
    "took": 83.2,
    "at": "2026-11-24T11:00:00Z",
}
COLUMNS = (
    Column("id", "id"),
    Column("count", "count", Kind.COUNT),
    Column("part", "part", Kind.PERCENT),
    Column("took", "took", Kind.SECONDS),
    Column("at", "at", Kind.TIME),
    Column("deep", "no.such.thing"),
)


def printed(output: Output) -> str:
    with redirect_stdout(io.StringIO()) as out:
        Printer(Look(output)).rows([dict(ITEM)], COLUMNS)
    return out.getvalue()


def test_cells_are_written_for_people_and_exactly_for_programs() -> None:
    cells = [written(column, ITEM, TimeFormat.RELATIVE, NOW) for column in COLUMNS]
    exactly = [exact(column, ITEM) for column in COLUMNS]

    assert cells == ["a", "10000+", "26%", "1 min 23 s", "1 h ago", "-"]
    assert exactly == ["a", "10000", "0.256", "83.2", "2026-11-24T11:00:00Z", ""]


def test_each_format_says_the_same() -> None:
    assert printed(Output.JSON) == json.dumps({"items": [ITEM], "next_cursor": None}, indent=2) + "\n"
    assert json.loads(printed(Output.JSONL)) == ITEM
    assert printed(Output.NAME) == "a\n"
    assert printed(Output.NONE) == ""
    assert printed(Output.CSV).splitlines() == [
        "id,count,part,took,at,deep",
        "a,10000,0.256,83.2,2026-11-24T11:00:00Z,",
    ]
    assert printed(Output.TABLE).splitlines()[1].split("  ")[0] == "a"


@given(st.text())
def test_nothing_that_others_wrote_steers_a_terminal(text: str) -> None:
    shown = printable(text)

    assert len(shown) == len(text)
    assert all(character.isprintable() or ord(character) > 0x9F for character in shown)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), ([], "-"), (["a", 1], "a,1"), (True, "yes"), ({"a": 1}, '{"a": 1}'), ("", "-")]
)
def test_values_are_one_word_that_is_never_empty(value: object, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.3, "now"), (5, "5 s ago"), (-90, "in 1 min"), (7_300, "2 h ago"), (200_000, "2 d ago")]
)
def test_relative_times(seconds: float, text: str) -> None:
    assert relative(seconds) == text
    assert moment((NOW - timedelta(seconds=seconds)).isoformat(), TimeFormat.RELATIVE, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250 ms"), (12.34, "12.3 s"), (245, "4 min 5 s"), (7_380, "2 h 3 min")]
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_narrow_terminal_goes_without_spare_columns_from_the_last_on() -> None:
    columns = (Column("id", "id"), Column("one", "one", spare=True), Column("two", "two", spare=True))
    rows = [["x" * 10, "y" * 10, "z" * 10]]

    assert [fitting(rows, columns, width) for width in (34, 33, 22, 21, 5)] == [[0, 1, 2], [0, 1], [0, 1], [0], [0]]


def test_what_is_no_terminal_gets_no_decoration_unless_it_is_asked_for() -> None:
    plainly = Look.of(Output.TABLE, TimeFormat.AUTO, Colour.AUTO, quiet=False, environment={})
    always = Look.of(Output.TABLE, TimeFormat.AUTO, Colour.ALWAYS, quiet=False, environment={"NO_COLOR": "1"})

    assert (plainly.times, plainly.colour, plainly.terminal) == (TimeFormat.ISO, False, False)
    assert always.colour


def test_payloads_are_read_from_pairs() -> None:
    assert read.payload(None, None, ["n=3", "word=hello", "flag=true", 'text="3"', "e=", "u=a=b"]) == {
        "n": 3, "word": "hello", "flag": True, "text": "3", "e": "", "u": "a=b",
    }  # fmt: skip


@pytest.mark.parametrize("given_", [("{", None, []), ("[]", None, []), ("{}", None, ["a=1"]), (None, None, ["a"])])
def test_payloads_that_are_none_are_wrong_use(given_: tuple[str | None, str | None, list[str]]) -> None:
    with pytest.raises(Failure) as caught:
        read.payload(*given_)
    assert caught.value.code is ExitCode.USAGE


def test_ends_of_spans_are_ages_or_moments() -> None:
    assert read.bound("24h", "--since") == "-24h"
    assert read.bound("-90", "--since") == "-90s"
    assert read.bound("2026-01-31T08:00:00+00:00", "--since") == "2026-01-31T08:00:00+00:00"
    assert datetime.fromisoformat(read.bound("2026-01-31", "--since") or "").tzinfo is not None
    with pytest.raises(Failure):
        read.bound("yesterday", "--since")
    with pytest.raises(Failure):
        read.start("2026-01-31", "10m")


def test_exit_codes_are_those_that_are_documented() -> None:
    assert [int(of_answer(status)) for status in (404, 401, 403, 409, 412, 422, 429, 503, 500)] == [
        3,
        4,
        4,
        5,
        5,
        2,
        6,
        6,
        1,
    ]
    assert [int(of_task(status)) for status in ("COMPLETED", "FAILED", "CANCELLED")] == [0, 10, 11]


def test_the_time_that_remains_is_told_after_three_samples() -> None:
    assert remaining([(0, 0.1), (1, 0.2)]) == ""
    assert remaining([(0, 0.1), (1, 0.2), (2, 0.3)]) == "7.0 s left"
    assert remaining([(0, 0.1), (1, 0.2), (2, 1.0)]) == ""


def test_the_last_line_tells_how_long_it_ran_and_waited() -> None:
    task = {
        "status": "COMPLETED", "created_at": "2026-01-01T00:00:00Z", "run_at": "2026-01-01T00:00:00Z", "error": None,
        "started_at": "2026-01-01T00:00:00.400000Z", "finished_at": "2026-01-01T00:00:12.700000Z",
        "cancel_reason": None,
    }  # fmt: skip

    assert last_line(task) == "COMPLETED in 12.3 s (waited 400 ms)"
    assert last_line(task | {"run_at": "2026-01-01T00:00:00.300000Z"}) == "COMPLETED in 12.3 s (waited 100 ms)"
    waiting = task | {"status": "CANCELLED", "started_at": None, "cancel_reason": "enough"}
    assert last_line(waiting) == "CANCELLED (waited 12.7 s); enough"
    failed = task | {"status": "FAILED", "error": {"type": "ValueError", "message": "no\npaper"}}
    assert last_line(failed) == "FAILED in 12.3 s (waited 400 ms); ValueError: no�paper"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://narad:secret@db/narad", "postgresql://narad:********@db/narad"),
        ("sqlite:///narad.db", "sqlite:///narad.db"),
        ("amqp://host/vhost", "amqp://host/vhost"),
        ("a secret that is no address", "********"),
        ("postgresql://db/narad?password=secret", "postgresql://db/narad?********"),
        ("", ""),
    ],
)
def test_addresses_are_shown_without_passwords(address: str, shown: str) -> None:
    assert redacted(address) == shown
