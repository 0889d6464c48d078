"""What is loaded when: a program that only names handlers, or asks for help, pays for nothing else."""

import resource
import subprocess
import sys

import pytest

import narad
from narad import client
from tests.support.repository import ROOT

SERVER = {
    "aio_pika",
    "aiormq",
    "aiosqlite",
    "alembic",
    "asyncpg",
    "fastapi",
    "httpcore2",
    "httpx2",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "uvloop",
}


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running the code."""
    program = f"{code}\nimport sys\nprint(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_importing_narad_loads_no_library() -> None:
    loaded = loaded_by("import narad")

    assert {name for name in loaded if name.startswith("narad")} == {"narad"}
    assert not loaded & SERVER


def test_a_module_of_handlers_loads_no_server() -> None:
    loaded = loaded_by("from narad import Context, Fatal, Handler, Retry, Snooze, handler")

    assert not loaded & (SERVER - {"pydantic"})


def test_a_program_that_only_asks_a_service_loads_nothing_of_one() -> None:
    loaded = loaded_by("from narad import Client\nfrom narad.client import Task, TaskFailed\nClient().close()")

    assert {name for name in loaded if name.startswith("narad.")} == {
        name for name in loaded if name.startswith("narad.client")
    }
    assert not loaded & (SERVER - {"httpcore2", "httpx2"})
    # What is asked for more rarely than tasks is loaded when it is.
    assert not loaded & {"narad.client.bulk", "narad.client.fleet", "narad.client.fleet_views", "tomllib"}


@pytest.mark.serial
def test_a_program_that_only_asks_a_service_starts_within_300_ms() -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def seconds() -> float:
        before = spent()
        subprocess.run([sys.executable, "-c", "from narad import Client; Client().close()"], check=True)
        return spent() - before

    # Time of the processor, and the least of several: what else runs on the machine is not what is measured.
    assert min(seconds() for _ in range(7)) < 0.3


def test_every_name_of_the_client_can_be_had() -> None:
    for name in client.__all__:
        assert getattr(client, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        client.nothing  # noqa: B018 - it is asked for


def test_the_process_of_an_isolated_handler_loads_no_server() -> None:
    loaded = loaded_by("import narad.worker.child")

    assert not loaded & (SERVER - {"pydantic"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["dev", "--help"], ["migrate", "--help"], ["keys", "create", "--help"], ["version"], []]
)
def test_asking_the_command_line_for_help_loads_no_server(arguments: list[str]) -> None:
    # Typer itself loads Pydantic.
    loaded = loaded_by(
        f"import sys\nsys.argv = ['narad', *{arguments!r}]\n"
        "from narad.cli.main import app\ntry:\n    app()\nexcept SystemExit:\n    pass"
    )

    assert "narad.cli.main" in loaded
    assert not loaded & (SERVER - {"pydantic"})


@pytest.mark.parametrize("name", narad.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(narad, name) is not None


def test_the_public_names_are_in_order_and_no_other_is_there() -> None:
    assert narad.__all__ == sorted(set(narad.__all__))
    with pytest.raises(AttributeError, match="module 'narad' has no attribute 'no_such_name'"):
        _ = narad.no_such_name


def test_every_public_name_can_be_imported_with_a_star() -> None:
    assert "narad.worker.handler" in loaded_by("from narad import *\nhandler, Context, Snooze, Fatal, Retry")


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "narad" / "py.typed").exists()


def test_the_libraries_of_http_calls_are_loaded_by_the_first_call_and_not_by_a_worker() -> None:
    loaded = loaded_by("import narad.runtime, narad.handlers.http")

    assert "narad.outbound.outbound" in loaded
    assert not loaded & {"httpcore2", "httpx2"}


def test_a_process_without_an_api_does_without_what_serves_one() -> None:
    loaded = loaded_by("import narad.process")

    assert "narad.runtime" in loaded
    assert not loaded & {"fastapi", "jinja2", "starlette", "uvicorn"}
