"""The pytest plugin as its users have it: pytest in an empty directory, where the kit is only installed."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TypeAlias

import pytest

from tests.support.installed_kit import search_path
from tests.support.servers import Postgres

HANDLERS = '''
import threading
from datetime import timedelta
from narad import Context, Retry, Snooze, handler

@handler("images.thumbnail", queue="images", max_attempts=3, backoff_seconds=600)
async def thumbnail(url: str, ctx: Context, width: int = 320) -> dict[str, int]:
    """Fails until its third attempt."""
    if url == "bad" and ctx.failures < 2:
        raise OSError("not yet")
    return {"width": width, "attempt": ctx.attempt}

@handler("hold")
def hold(ctx: Context) -> None:
    while not ctx.cancelled:
        pass
'''


@dataclass(frozen=True)
class Ran:
    """A run of pytest."""

    code: int
    output: str


RunPytest: TypeAlias = Callable[..., Ran]


@pytest.fixture
def run_pytest(tmp_path: Path) -> RunPytest:
    """Runs pytest on a test module, in a directory with handlers, with the kit found by its entry point alone."""
    search = search_path(tmp_path / "installed")
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "tasks.py").write_text(HANDLERS)
    (directory / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    # What belongs to somebody's real service, which no test may ever reach.
    (directory / ".env").write_text("NARAD_BROKER_URL=amqp://nobody:nothing@127.0.0.1:9/\nNARAD_MAX_ATTEMPTS=1\n")
    real = {"NARAD_URL": "http://127.0.0.1:9", "NARAD_API_KEY": "nrd_not_for_tests", "NARAD_PROFILE": "production"}

    def run(test: str, *arguments: str, coroutines: bool = False, **environment: str) -> Ran:
        (directory / "test_it.py").write_text(dedent(test))
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("NARAD_", "PYTEST_"))}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--tb=native",
                *_asyncio(coroutines=coroutines),
                *arguments,
            ],
            check=False,
            cwd=directory,
            env=keep | {"PYTHONPATH": f"{search}:{directory}"} | real | environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        return Ran(done.returncode, done.stdout + done.stderr)

    return run


def _asyncio(*, coroutines: bool) -> list[str]:
    if not coroutines:
        return ["-p", "no:asyncio"]
    return ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]


FLOW = """
    from datetime import timedelta
    from tasks import thumbnail

    async def test_flow(service):
        task = await service.tasks.create("images.thumbnail", {"url": "https://example.com/a.png"})
        await service.run_until_idle()
        assert (await task.result())["width"] == 320

    async def test_back_off_comes_due_when_the_clock_says_so(service, client, frozen_clock):
        task = await client.tasks.create(thumbnail, {"url": "bad"})
        await service.run_until_idle()
        await task.refresh()
        assert (task.status, task.attempt) == ("PENDING", 1)
        assert task.created_at == frozen_clock.now()
        await service.advance(timedelta(hours=1))
        assert (await task.refresh()).attempt == 2
        await service.drain()
        assert await task.result() == {"width": 320, "attempt": 3}

    async def test_delays_and_expiry_come_due_too(service, client):
        late = await client.tasks.create(thumbnail, {"url": "good"}, delay=timedelta(days=30))
        lapsed = await client.tasks.create(thumbnail, {"url": "good"}, queue="nobody", expires_in=3600)
        await service.advance(7200)
        assert not (await late.refresh()).is_final
        await service.drain()
        assert (await late.refresh()).status == "COMPLETED"
        assert (await lapsed.refresh()).error.type == "Expired"

    def test_without_a_coroutine(service):
        task = service.sync_client.tasks.create(thumbnail, {"url": "bad"}, run_at="2100-01-01T00:00:00Z")
        service.drain().wait()
        assert task.result()["attempt"] == 3
        assert service.task(task.id).wait().status == "COMPLETED"
        assert service.clock.now().year == 2100
"""


def test_a_service_runs_handlers_by_a_clock_of_its_own(run_pytest: RunPytest) -> None:
    ran = run_pytest(FLOW, coroutines=True)

    assert ran.code == 0, ran.output
    assert "4 passed" in ran.output


def test_the_same_tests_run_on_postgresql(run_pytest: RunPytest, postgres_server: Postgres) -> None:
    postgres_server.start()
    url = postgres_server.url("postgres")

    ran = run_pytest(FLOW, "--narad-store=postgres", coroutines=True, NARAD_TEST_DATABASE_URL=url)

    assert ran.code == 0, ran.output
    assert "4 passed" in ran.output


def test_postgresql_without_an_address_says_what_to_set(run_pytest: RunPytest) -> None:
    ran = run_pytest("def test_it(service): ...", "--narad-store=postgres")

    assert ran.code == 1
    assert "--narad-store=postgres needs a server: set NARAD_TEST_DATABASE_URL" in ran.output


def test_without_asyncio_or_any_other_plugin_it_works_as_well(run_pytest: RunPytest) -> None:
    ran = run_pytest(
        """
        def test_it(service):
            task = service.sync_client.tasks.create("images.thumbnail", {"url": "good"})
            service.run_until_idle().wait()
            assert task.result() == {"width": 320, "attempt": 1}
        """,
        "-o",
        "narad_handlers=tasks",
    )

    assert ran.code == 0, ran.output


def test_settings_and_handlers_can_be_chosen(run_pytest: RunPytest) -> None:
    ran = run_pytest(
        """
        import pytest
        import tasks

        @pytest.fixture
        def narad_settings():
            return {"default_handler": "images.thumbnail"}

        @pytest.fixture
        def narad_handlers():
            return [tasks.thumbnail]

        def test_it(service):
            task = service.sync_client.tasks.create(None, {"url": "bad"}, name="by default")
            service.run_until_idle().wait()
            assert task.refresh().status == "PENDING"
            assert task.handler == "images.thumbnail"
            assert task.max_attempts == 3
        """
    )

    assert ran.code == 0, ran.output


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("service.run_until_idle()", "run_until_idle() was neither awaited nor waited for"),
        ("service.sync_client.tasks.create(hold); service.run_until_idle(timeout=0.3).wait()", "'hold' (hold, "),
        (
            "service.sync_client.tasks.create('demo.echo', queue='far'); service.drain(timeout=0.3).wait()",
            "'far', which no worker",
        ),
        ("service.clock.advance(-1)", "cannot go back"),
    ],
)
def test_what_cannot_come_to_an_end_fails_the_test_and_says_why(run_pytest: RunPytest, body: str, message: str) -> None:
    ran = run_pytest(
        f"""
        from tasks import hold

        def test_it(service):
            {body}
        """
    )

    assert ran.code == 1
    assert message in ran.output


def test_no_key_of_the_environment_is_sent(run_pytest: RunPytest) -> None:
    ran = run_pytest(
        """
        import pytest
        from narad.client import Unauthenticated

        def test_it(service):
            service.sync_client.request("POST", "/api/v1/keys", {"name": "first", "role": "admin"})
            with pytest.raises(Unauthenticated, match="needs an API key"):
                service.sync_client.request("GET", "/api/v1/tasks")
        """
    )

    assert ran.code == 0, ran.output


def test_an_unknown_setting_is_refused(run_pytest: RunPytest) -> None:
    ran = run_pytest(
        """
        import pytest

        @pytest.fixture
        def narad_settings():
            return {"max_attempt": 1}

        def test_it(service): ...
        """
    )

    assert ran.code == 1
    assert "There is no setting max_attempt" in ran.output


def test_being_installed_loads_nothing_and_takes_no_name(run_pytest: RunPytest, tmp_path: Path) -> None:
    (tmp_path / "project" / "rival.py").write_text(
        dedent("""
        import pytest

        @pytest.fixture
        def client():
            return "the client of another plugin"

        @pytest.fixture
        def service():
            return "and its service"
        """)
    )

    ran = run_pytest(
        """
        import sys

        def test_nothing_is_loaded(request):
            assert request.config.pluginmanager.has_plugin("narad")
            server = {"fastapi", "sqlalchemy", "pydantic", "structlog", "uvicorn", "httpx2", "aio_pika", "asyncpg"}
            assert not server & set(sys.modules)
            assert {name for name in sys.modules if name.startswith("narad")} == {
                "narad", "narad.testing", "narad.testing.plugin"
            }

        def test_the_names_of_others_stay_theirs(client, service):
            assert (client, service) == ("the client of another plugin", "and its service")
        """,
        "-p",
        "rival",
        # Those of our own development load Pydantic and the like.
        "-p",
        "no:hypothesispytest",
    )

    assert ran.code == 0, ran.output
    assert "2 passed" in ran.output
