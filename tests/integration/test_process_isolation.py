"""Handlers in processes of their own: what crosses the pipe, and what really ends."""

import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest
import uvloop

from narad.clock import SystemClock
from narad.dispatch.direct import DirectDispatch
from narad.domain.log_line import LogLine
from narad.domain.outcome import Completed, Failed, HandedBack, Outcome, Snoozed
from narad.domain.picking import AgeingQuota
from narad.domain.retry import RetryPolicy
from narad.domain.status import Status
from narad.domain.task import Json, JsonObject, NewTask, Progress, Task
from narad.ids import new_id
from narad.store.database import Database
from narad.store.store import Store
from narad.tally import Tally
from narad.worker.context import Context
from narad.worker.handler import AnyHandler
from narad.worker.heartbeat import Rhythm
from narad.worker.loading import load_handlers
from narad.worker.processes import ProcessExecutor, ProcessLimits
from narad.worker.worker import Worker, WorkerOptions
from tests.support import isolated_handlers
from tests.support.attempts import ATTEMPT
from tests.support.repository import ROOT
from tests.support.stores import GUARD, LEASE, opened
from tests.support.tasks import new_task

CLOCK = SystemClock()
MODULE = isolated_handlers.__name__
HANDLERS = load_handlers([MODULE])
MOST_RESULT_BYTES = 4_000_000
NO_LIMITS = ProcessLimits(grace_seconds=20, most_tasks=1_000, most_bytes=1 << 40)


@dataclass
class Runner:
    """Runs handlers with one executor, as a worker does."""

    executor: ProcessExecutor
    notes: list[Progress] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)

    def start(self, name: str, **payload: Json) -> "asyncio.Task[Outcome]":
        """Begin an attempt."""
        return asyncio.create_task(self.run_task(HANDLERS[name], payload))

    async def run_task(self, handler: AnyHandler, payload: JsonObject) -> Outcome:
        task = ATTEMPT._replace(id=new_id(), handler=handler.name, payload=json.dumps(payload))
        context = Context(task, CLOCK, self.notes.append, self.lines.append)
        return await self.executor.run(handler, task, context)

    async def run(self, name: str, **payload: Json) -> Outcome:
        """Run an attempt to its end."""
        async with asyncio.timeout(30):
            return await self.start(name, **payload)

    async def result(self, name: str, **payload: Json) -> Json:
        """What an attempt returns."""
        outcome = await self.run(name, **payload)
        assert isinstance(outcome, Completed), outcome
        return outcome.result

    async def failure(self, name: str, **payload: Json) -> Failed:
        """How an attempt fails."""
        outcome = await self.run(name, **payload)
        assert isinstance(outcome, Failed), outcome
        return outcome


@asynccontextmanager
async def running(limits: ProcessLimits = NO_LIMITS) -> AsyncIterator[Runner]:
    executor = ProcessExecutor(MOST_RESULT_BYTES, limits)
    try:
        yield Runner(executor)
    finally:
        async with asyncio.timeout(30):
            await executor.close()


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    async with running() as runner:
        yield runner


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def read_pids(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()]


def is_known(pid: int) -> bool:
    """Whether there is such a process, if only as a zombie."""
    return Path(f"/proc/{pid}").exists()


async def pids_in(path: Path) -> list[int]:
    """The pids that a handler tells, once it does."""
    await until(path.exists)
    return read_pids(path)


async def gone(pids: list[int]) -> None:
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def cancelled(attempt: "asyncio.Task[Outcome]") -> float:
    """Seconds that an attempt takes to end once it is cancelled."""
    begin = time.monotonic()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await attempt
    return time.monotonic() - begin


@pytest.mark.parametrize("name", ["isolated.add", "isolated.add_async"])
async def test_result_and_progress_come_back_from_another_process(name: str, runner: Runner) -> None:
    result = await runner.result(name, a=1, b=2)

    assert isinstance(result, dict)
    assert result["sum"] == 3
    assert result["pid"] != os.getpid()
    assert runner.notes[-1] == Progress(value=0.5, message="halfway")


async def test_the_context_tells_of_the_task_in_the_other_process_too(runner: Runner) -> None:
    task = ATTEMPT._replace(
        id=new_id(), attempt=4, tags=("a", "ä"), deadline_at=datetime.now(UTC) + timedelta(seconds=1_000)
    )
    outcome = await runner.executor.run(HANDLERS["isolated.describe"], task, Context(task, CLOCK, runner.notes.append))

    assert isinstance(outcome, Completed)
    assert isinstance(outcome.result, dict)
    remaining = outcome.result["remaining"]
    assert isinstance(remaining, float)
    assert 900 < remaining < 1_000
    assert outcome.result == {"id": str(task.id), "attempt": 4, "tags": ["a", "ä"], "remaining": remaining}


async def test_a_payload_is_checked_in_the_other_process(runner: Runner) -> None:
    error = (await runner.failure("isolated.add", a="x", b=2)).error

    assert (error.type, error.retryable) == ("PayloadError", False)
    assert error.message.startswith("a: ")


@pytest.mark.parametrize("name", ["isolated.raise", "isolated.raise_async"])
@pytest.mark.parametrize(
    ("how", "error_type", "retryable"),
    [
        ("value", "ValueError", False),
        ("os", "OSError", True),
        ("fatal", "Fatal", False),
        ("retry", "Retry", True),
        ("exit", "SystemExit", False),
        ("interrupt", "KeyboardInterrupt", False),
        ("generator", "GeneratorExit", False),
        ("cancelled", "CancelledError", False),
        ("task cancelled", "TaskCancelled", False),
    ],
)
async def test_what_a_handler_raises_becomes_the_outcome_that_it_is_elsewhere(
    name: str,
    how: str,
    error_type: str,
    retryable: bool,  # noqa: FBT001 - a parameter of the test
    runner: Runner,
) -> None:
    outcome = await runner.failure(name, how=how)

    assert (outcome.error.type, outcome.error.retryable) == (error_type, retryable)
    assert outcome.error.traceback is not None
    assert "isolated_handlers.py" in outcome.error.traceback
    assert outcome.retry_after_seconds == (5 if how == "retry" else None)
    assert await runner.result("isolated.echo", text="alive") == "alive"


@pytest.mark.parametrize("name", ["isolated.raise", "isolated.raise_async"])
async def test_a_snooze_crosses_the_pipe(name: str, runner: Runner) -> None:
    assert await runner.run(name, how="snooze") == Snoozed(5)


async def test_what_a_handler_prints_and_reads_does_not_disturb(runner: Runner) -> None:
    assert await runner.result("isolated.print", lines=10_000) == "printed"
    assert await runner.result("isolated.echo", text="\n{}\n") == "\n{}\n"


async def test_directories_of_attempts_leave_nothing_open_in_a_process_that_is_used_again(runner: Runner) -> None:
    first = await runner.result("isolated.litter")

    assert [await runner.result("isolated.litter") for _ in range(3)] == [first] * 3


async def test_a_flood_of_progress_is_thinned_out_and_its_last_word_is_heard(runner: Runner) -> None:
    begin = time.monotonic()

    assert await runner.result("isolated.flood", reports=200_000) == 200_000

    assert runner.notes[-1] == Progress(value=1, message="done")
    assert len(runner.notes) <= 4 * (time.monotonic() - begin) + 3


async def test_what_an_attempt_says_that_has_ended_is_not_taken_for_words_of_the_next(runner: Runner) -> None:
    pid = await runner.result("isolated.late")
    runner.notes.clear()
    runner.lines.clear()

    result = await runner.result("isolated.add", a=1, b=1)

    assert result == {"sum": 2, "pid": pid}
    assert {note.message for note in runner.notes} == {"halfway"}
    assert [line.message for line in runner.lines] == ["adding"]


async def test_a_result_as_large_as_may_be_crosses_the_pipe_and_a_larger_one_is_refused(runner: Runner) -> None:
    # Each of the quotes takes two bytes of JSON.
    assert await runner.result("isolated.large", size=MOST_RESULT_BYTES) == '"' * (MOST_RESULT_BYTES // 2 - 1)
    assert await runner.result("isolated.echo", text="ä" * 1_900_000) == "ä" * 1_900_000
    assert (await runner.failure("isolated.large", size=MOST_RESULT_BYTES + 2)).error.type == "ResultError"


@pytest.mark.serial
@pytest.mark.parametrize("name", ["isolated.busy", "isolated.wait"])
async def test_a_cancel_takes_no_time_and_lets_the_handler_tidy_up(name: str, runner: Runner, tmp_path: Path) -> None:
    attempt = runner.start(name, path=str(tmp_path / "pids"))
    pids = await pids_in(tmp_path / "pids")

    assert await cancelled(attempt) < NO_LIMITS.grace_seconds / 4

    assert (tmp_path / "pids.tidy").exists()
    await gone(pids)


@pytest.mark.parametrize("name", ["isolated.ignore", "isolated.swallow", "isolated.swallow_async"])
async def test_a_handler_that_will_not_stop_dies_at_the_grace_with_all_that_it_started(
    name: str, tmp_path: Path
) -> None:
    async with running(replace(NO_LIMITS, grace_seconds=0.3)) as runner:
        attempt = runner.start(name, path=str(tmp_path / "pids"))
        pids = await pids_in(tmp_path / "pids")
        assert all(is_alive(pid) for pid in pids)

        assert 0.3 <= await cancelled(attempt) < 10

        await gone(pids)
        assert await runner.result("isolated.echo", text="alive") == "alive"


async def test_what_a_handler_completes_in_spite_of_the_wish_to_stop_it_is_not_lost(
    runner: Runner, tmp_path: Path
) -> None:
    attempt = runner.start("isolated.completes", path=str(tmp_path / "pids"))
    pids = await pids_in(tmp_path / "pids")

    attempt.cancel()

    assert await attempt == Completed("completed all the same")
    await gone(pids)


@pytest.mark.serial
async def test_a_cancel_before_the_handler_runs_ends_the_attempt_whenever_it_comes(tmp_path: Path) -> None:
    # Sooner or later than the process starts, imports, and takes the job.
    async with running() as runner:
        for milliseconds in (0, 1, 5, 20, 50, 100, 150, 200, 250, 300, 400):
            attempt = runner.start("isolated.wait", path=str(tmp_path / "pids"))
            await asyncio.wait({attempt}, timeout=milliseconds / 1_000)
            assert await cancelled(attempt) < NO_LIMITS.grace_seconds / 4


@pytest.mark.serial
async def test_a_cancel_right_after_an_idle_process_was_given_a_job_ends_the_attempt(
    runner: Runner, tmp_path: Path
) -> None:
    for turns in range(10):
        await runner.result("isolated.echo", text="warm")
        attempt = runner.start("isolated.busy", path=str(tmp_path / "pids"))
        for _ in range(turns):
            await asyncio.sleep(0)
        assert await cancelled(attempt) < NO_LIMITS.grace_seconds / 4


async def test_a_process_that_is_told_to_stop_by_somebody_else_hands_its_task_back(
    runner: Runner, tmp_path: Path
) -> None:
    for name in ("isolated.busy", "isolated.wait"):
        path = tmp_path / name
        attempt = runner.start(name, path=str(path))
        [pid] = await pids_in(path)

        os.kill(pid, signal.SIGTERM)

        assert isinstance(await attempt, HandedBack)


async def test_an_idle_process_that_ends_is_replaced(runner: Runner) -> None:
    first = await runner.result("isolated.add", a=1, b=2)
    assert isinstance(first, dict)
    pid = first["pid"]
    assert isinstance(pid, int)

    os.kill(pid, signal.SIGTERM)
    # Whether the news is in by then or comes after the job was given to it.
    second = await runner.result("isolated.add", a=1, b=2)
    assert isinstance(second, dict)
    assert second["pid"] != pid


async def test_a_process_that_is_killed_from_outside_fails_the_attempt_naming_the_signal(
    runner: Runner, tmp_path: Path
) -> None:
    attempt = runner.start("isolated.busy", path=str(tmp_path / "pids"))
    [pid] = await pids_in(tmp_path / "pids")

    os.kill(pid, signal.SIGKILL)
    outcome = await attempt

    assert isinstance(outcome, Failed)
    assert (outcome.error.type, outcome.error.retryable) == ("ProcessKilled", True)
    assert "SIGKILL" in outcome.error.message
    assert await runner.result("isolated.echo", text="alive") == "alive"


@pytest.mark.parametrize("fork", [False, True])
async def test_a_process_that_exits_fails_the_attempt_naming_the_code(
    fork: bool,  # noqa: FBT001 - a parameter of the test
    runner: Runner,
) -> None:
    begin = time.monotonic()

    error = (await runner.failure("isolated.exit", code=3, fork=fork)).error

    assert (error.type, error.retryable) == ("ProcessExited", True)
    assert "exit code 3" in error.message
    assert time.monotonic() - begin < 10


async def test_a_handler_that_cannot_be_found_in_the_other_process_fails_the_attempt(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / f"fickle_{new_id().hex}.py"
    module.write_text("from narad import handler\n@handler('fickle', isolation='process')\ndef fickle(): return 1\n")
    [handler] = load_handlers([module.stem]).values()
    assert await runner.run_task(handler, {}) == Completed(1)

    async with running() as fresh:
        module.write_text("raise SystemExit('not today')\n")
        outcome = await fresh.run_task(handler, {})

    assert isinstance(outcome, Failed)
    assert outcome.error.type == "ConfigurationError"
    assert "SystemExit: not today" in outcome.error.message


async def test_a_process_is_used_again_and_as_many_as_are_needed_at_a_time(runner: Runner) -> None:
    one_by_one = {str(await runner.result("isolated.add", a=1, b=2)) for _ in range(5)}
    at_a_time = await asyncio.gather(*(runner.run("isolated.add", a=1, b=2) for _ in range(3)))

    assert len(one_by_one) == 1
    assert len({str(outcome) for outcome in at_a_time}) == 3


async def test_a_process_is_replaced_after_so_many_tasks() -> None:
    async with running(replace(NO_LIMITS, most_tasks=2)) as runner:
        pids = [await runner.result("isolated.grow", size=1) for _ in range(6)]

    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] == pids[5]


async def test_a_process_that_holds_too_much_memory_is_replaced() -> None:
    async with running(replace(NO_LIMITS, most_bytes=200_000_000)) as runner:
        pids = [await runner.result("isolated.grow", size=size) for size in (1, 1, 300_000_000, 1)]

    assert pids[0] == pids[1] == pids[2] != pids[3]


async def test_closing_ends_idle_processes_and_leaves_nothing_behind() -> None:
    async with running() as runner:
        outcomes = [await runner.result("isolated.grow", size=1) for _ in range(2)]
        pids = [pid for pid in outcomes if isinstance(pid, int)]
        assert all(is_known(pid) for pid in pids)

    assert len(pids) == 2
    assert not any(is_known(pid) for pid in pids)


async def test_a_process_that_is_still_busy_when_all_is_closed_ends_with_its_task(tmp_path: Path) -> None:
    async with running() as runner:
        attempt = runner.start("isolated.completes", path=str(tmp_path / "pids"))
        pids = await pids_in(tmp_path / "pids")
        await runner.executor.close()
        os.kill(pids[0], signal.SIGTERM)

        assert await attempt == Completed("completed all the same")
        await gone(pids)


def started(program: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", dedent(program)], cwd=ROOT)


async def test_when_the_worker_dies_the_whole_group_of_its_process_is_gone_soon(tmp_path: Path) -> None:
    # The handler has SIGTERM ignored by all, and nobody is left who would send it.
    program = f"""
        import asyncio
        from narad.clock import SystemClock
        from narad.worker.context import Context
        from narad.worker.loading import load_handlers
        from narad.worker.processes import ProcessExecutor, ProcessLimits
        from tests.support.attempts import ATTEMPT

        async def work():
            executor = ProcessExecutor(1_000, ProcessLimits(grace_seconds=60, most_tasks=9, most_bytes=10**10))
            task = ATTEMPT._replace(payload={json.dumps({"path": str(tmp_path / "pids")})!r})
            handler = load_handlers([{MODULE!r}])["isolated.ignore"]
            await executor.run(handler, task, Context(task, SystemClock(), print))

        asyncio.run(work())
    """
    worker = started(program)
    try:
        pids = await pids_in(tmp_path / "pids")
        assert all(is_alive(pid) for pid in pids)
    finally:
        worker.kill()
        worker.wait()

    assert len(pids) == 2
    await gone(pids)


ON_ANY_LOOP: list[Callable[..., Coroutine[None, None, None]]] = [
    test_the_context_tells_of_the_task_in_the_other_process_too,
    test_what_a_handler_prints_and_reads_does_not_disturb,
    test_a_flood_of_progress_is_thinned_out_and_its_last_word_is_heard,
    test_a_result_as_large_as_may_be_crosses_the_pipe_and_a_larger_one_is_refused,
    test_what_a_handler_completes_in_spite_of_the_wish_to_stop_it_is_not_lost,
    test_a_cancel_right_after_an_idle_process_was_given_a_job_ends_the_attempt,
    test_a_process_that_is_told_to_stop_by_somebody_else_hands_its_task_back,
    test_an_idle_process_that_ends_is_replaced,
    test_a_process_that_is_killed_from_outside_fails_the_attempt_naming_the_signal,
    partial(test_a_process_that_exits_fails_the_attempt_naming_the_code, fork=True),
    test_a_cancel_before_the_handler_runs_ends_the_attempt_whenever_it_comes,
    test_a_process_is_replaced_after_so_many_tasks,
    test_closing_ends_idle_processes_and_leaves_nothing_behind,
    test_a_process_that_is_still_busy_when_all_is_closed_ends_with_its_task,
    partial(test_a_handler_that_will_not_stop_dies_at_the_grace_with_all_that_it_started, name="isolated.swallow"),
]


@pytest.mark.parametrize("scenario", ON_ANY_LOOP)
def test_all_of_this_holds_on_the_loop_of_the_service(
    scenario: Callable[..., Coroutine[None, None, None]], tmp_path: Path
) -> None:
    wanted = inspect.signature(scenario).parameters

    async def work() -> None:
        async with running() as runner:
            have: dict[str, object] = {"runner": runner, "tmp_path": tmp_path}
            await scenario(**{name: value for name, value in have.items() if name in wanted})

    uvloop.run(work())


# Through a whole worker.


def options() -> WorkerOptions:
    return WorkerOptions(
        concurrency=2,
        queues=("default",),
        rhythm=Rhythm(heartbeat_seconds=0.05, lease_seconds=30.0),
        process_limits=replace(NO_LIMITS, grace_seconds=0.5),
        most_result_bytes=262_144,
        policy=RetryPolicy(base_seconds=0.05),
        quota=AgeingQuota(),
        poll_seconds=0.05,
        watchdog_seconds=15,
        drain_seconds=0.2,
    )


def again(store: Store) -> Store:
    database = Database(store.database.url, pool_size=1, timeout_seconds=20)
    return Store(database, lease=LEASE, guard=GUARD, list_seconds=20)


@asynccontextmanager
async def working(url: str) -> AsyncIterator[tuple[Store, Worker]]:
    async with opened(url) as store:
        worker = Worker(store, DirectDispatch(), HANDLERS, CLOCK, options(), Tally(), open_store=lambda: again(store))
        await worker.start()
        try:
            yield store, worker
        finally:
            await worker.stop()


async def submitted(store: Store, name: str, **fields: object) -> NewTask:
    task = new_task(handler=name, created_at=CLOCK.now(), **fields)
    await store.tasks.insert([task])
    return task


async def finished(store: Store, task: NewTask) -> Task:
    async with asyncio.timeout(30):
        while True:
            stored = await store.tasks.get(task.id)
            assert stored is not None
            if stored.status.is_final:
                return stored
            await asyncio.sleep(0.01)


async def test_a_worker_runs_isolated_handlers_and_keeps_result_and_progress(sqlite_url: str) -> None:
    async with working(sqlite_url) as (store, _):
        task = await finished(store, await submitted(store, "isolated.add", payload={"a": 1, "b": 2}))

    assert task.status is Status.COMPLETED
    assert isinstance(task.result, dict)
    assert task.result["sum"] == 3
    assert task.progress == Progress(value=0.5, message="halfway")


async def test_an_isolated_handler_that_will_not_stop_is_cancelled_and_leaves_its_slot(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with working(sqlite_url) as (store, worker):
        task = await submitted(store, "isolated.ignore", payload={"path": str(tmp_path / "pids")})
        pids = await pids_in(tmp_path / "pids")

        await store.tasks.cancel(task.id, now=CLOCK.now())
        stored = await finished(store, task)
        await until(lambda: worker.busy == 0)

    assert (stored.status, stored.failures) == (Status.CANCELLED, 0)
    await gone(pids)


async def test_an_isolated_handler_ends_at_its_time_limit(sqlite_url: str, tmp_path: Path) -> None:
    async with working(sqlite_url) as (store, _):
        # A process is there when the time begins to run: to start one may take a busy machine longer than the limit.
        await finished(store, await submitted(store, "isolated.echo", payload={"text": "ready"}))
        payload = {"path": str(tmp_path / "pids")}
        task = await submitted(store, "isolated.busy", payload=payload, timeout_seconds=2.0, max_attempts=1)
        pids = await pids_in(tmp_path / "pids")
        stored = await finished(store, task)

    assert stored.error is not None
    assert (stored.status, stored.error.type, stored.failures) == (Status.FAILED, "Timeout", 1)
    await gone(pids)


async def test_an_isolated_handler_that_kills_its_process_is_tried_again_as_often_as_allowed(sqlite_url: str) -> None:
    async with working(sqlite_url) as (store, worker):
        task = await finished(store, await submitted(store, "isolated.exit", payload={"code": 3}, max_attempts=2))

        assert not worker.died.is_set()

    assert task.error is not None
    assert (task.status, task.error.type, task.attempt, task.failures) == (Status.FAILED, "ProcessExited", 2, 2)


async def test_an_isolated_handler_whose_process_cannot_start_fails_its_attempt_and_not_the_worker(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(sqlite_url) as (store, worker):
        with monkeypatch.context() as without_python:
            without_python.setattr(sys, "executable", "/nowhere/python")
            task = await finished(store, await submitted(store, "isolated.grow", payload={"size": 1}, max_attempts=2))
        other = await finished(store, await submitted(store, "isolated.grow", payload={"size": 1}))

        assert not worker.died.is_set()

    assert task.error is not None
    assert (task.status, task.error.type, task.failures) == (Status.FAILED, "FileNotFoundError", 2)
    assert other.status is Status.COMPLETED


async def test_a_drain_hands_an_isolated_handler_back_and_ends_its_process(sqlite_url: str, tmp_path: Path) -> None:
    async with working(sqlite_url) as (store, worker):
        task = await submitted(store, "isolated.swallow", payload={"path": str(tmp_path / "pids")})
        pids = await pids_in(tmp_path / "pids")

        await worker.stop()
        stored = await store.tasks.get(task.id)

    assert stored is not None
    assert (stored.status, stored.failures, stored.losses) == (Status.PENDING, 0, 0)
    await gone(pids)
