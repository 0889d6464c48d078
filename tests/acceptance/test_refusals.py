"""What cannot work is refused at the start: exit code 1 and one line that says what to do."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hosts import PATIENCE_SECONDS
from tests.support.ports import free_port
from tests.support.processes import NaradProcess

SQLITE = "sqlite:///narad.db"
Run = Callable[..., NaradProcess]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs `narad` in a directory of its own."""
    started: list[NaradProcess] = []

    def start(*arguments: str, **settings: str) -> NaradProcess:
        directory = tmp_path / f"run{len(started)}"
        started.append(NaradProcess(*arguments, settings={"NARAD_PORT": "0", **settings}, directory=directory))
        return started[-1]

    yield start
    for process in started:
        process.close()


def refusal(process: NaradProcess) -> str:
    """What a process that must not start says about it."""
    assert process.wait(PATIENCE_SECONDS) == 1, process.tail()
    lines = process.stderr.splitlines()
    assert len(lines) == 1, process.stderr
    assert lines[0].startswith("narad: ")
    assert process.stdout == ""
    return lines[0]


def test_a_broker_with_sqlite(run: Run) -> None:
    text = refusal(run("dev", NARAD_DATABASE_URL=SQLITE, NARAD_BROKER_URL="amqp://guest:guest@127.0.0.1:1/"))

    assert "NARAD_BROKER_URL" in text
    assert "NARAD_DATABASE_URL" in text


@pytest.mark.parametrize("host", ["192.0.2.1", "::"])
def test_an_address_that_is_not_loopback_without_a_guard(run: Run, host: str) -> None:
    text = refusal(run("dev", NARAD_HOST=host))

    assert f"NARAD_HOST={host}" in text
    assert "NARAD_AUTH=none" in text
    assert "narad keys create" in text


def test_an_old_schema(run: Run, postgres_database: str) -> None:
    assert "narad migrate" in refusal(run("worker", NARAD_DATABASE_URL=SQLITE))
    assert "narad migrate" in refusal(run("api", NARAD_DATABASE_URL=postgres_database))


def test_a_port_in_use(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        text = refusal(run("dev", NARAD_PORT=str(port)))

    assert f"127.0.0.1:{port}" in text
    assert "NARAD_PORT" in text


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "postgresql://h:port/x"])
def test_a_database_address_that_is_none(run: Run, url: str) -> None:
    assert "NARAD_DATABASE_URL" in refusal(run("migrate", NARAD_DATABASE_URL=url))


def test_a_database_that_is_away(run: Run) -> None:
    refusal(run("api", NARAD_DATABASE_URL=f"postgresql://narad:secret@127.0.0.1:{free_port()}/narad"))


def test_a_database_that_does_not_exist(run: Run, postgres_database: str) -> None:
    text = refusal(run("api", NARAD_DATABASE_URL=f"{postgres_database}_not"))

    assert "does not exist" in text


def test_a_wrong_password_which_is_not_repeated(run: Run, postgres_database: str) -> None:
    scheme, _, rest = postgres_database.partition("://")
    url = f"{scheme}://narad:wrong-secret@{rest.partition('@')[2]}"

    assert "wrong-secret" not in refusal(run("api", NARAD_DATABASE_URL=url))


def test_a_sqlite_file_that_cannot_be_made(run: Run) -> None:
    refusal(run("dev", NARAD_DATABASE_URL="sqlite:////dev/null/narad.db"))


def test_a_file_that_is_no_database(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("These are notes, not a database. " * 100)

    refusal(run("dev", NARAD_DATABASE_URL=f"sqlite:///{tmp_path}/notes.db"))


@pytest.mark.parametrize("module", ["no_such_module", "broken_module"])
def test_a_module_without_handlers(run: Run, tmp_path: Path, module: str) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")

    text = refusal(run("dev", NARAD_HANDLERS=module, PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}"))

    assert module in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NARAD_PORT", "http"),
        ("NARAD_HEARTBEAT_SECONDS", "29"),
        ("NARAD_QUEUES", "Not A Queue"),
        ("NARAD_BROKER_URL", "nonsense"),
    ],
)
def test_a_setting_that_is_not_valid_is_named(run: Run, postgres_database: str, name: str, value: str) -> None:
    text = refusal(run("dev", **{"NARAD_DATABASE_URL": postgres_database, name: value}))

    assert name in text or name.removeprefix("NARAD_").lower() in text
