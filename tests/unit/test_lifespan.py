"""What a worker holds for its handlers: who provides it, in which order, and how it ends."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import pytest

from narad import Handler, Lifespan, Resource, handler, lifespan
from narad.clock import ManualClock
from narad.domain.outcome import Completed
from narad.domain.task import Progress
from narad.errors import ConfigurationError
from narad.worker.context import Context
from narad.worker.executors import Executors
from narad.worker.lifespan import AnyLifespan, SignatureError
from narad.worker.processes import ProcessLimits
from narad.worker.resources import Resources, check_needs, in_order
from tests.support.attempts import ATTEMPT, NOON

LIMITS = ProcessLimits(grace_seconds=1, most_tasks=1, most_bytes=1)
events: list[str] = []


@pytest.fixture(autouse=True)
def nothing_happened_yet() -> None:
    events.clear()


class Pool:
    """A resource."""


class Repository:
    """Another, which needs the first."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool


@lifespan
async def pool() -> AsyncIterator[Pool]:
    events.append("pool opened")
    yield Pool()
    events.append("pool closed")


@lifespan
async def repository(pool: Annotated[Pool, Resource]) -> AsyncGenerator[Repository, None]:
    events.append("repository opened")
    try:
        yield Repository(pool)
    finally:
        events.append("repository closed")


@lifespan
async def bare() -> AsyncIterator[None]:
    events.append("bare opened")
    yield
    events.append("bare closed")


@handler("t.uses")
async def uses(number: int, pool: Annotated[Pool, Resource], repo: Annotated[Repository, Resource()]) -> int:
    return number if repo.pool is pool else -1


@handler("t.uses_in_thread")
def uses_in_thread(number: int, repo: Annotated[Repository, Resource]) -> int:
    return number if type(repo.pool) is Pool else -1


def test_a_resource_is_no_part_of_the_payload() -> None:
    assert list(uses.signature.payload_schema["properties"]) == ["number"]  # type: ignore[arg-type]
    assert uses.signature.resources == {"pool": Pool, "repo": Repository}


async def test_a_handler_is_given_what_lifespans_provide_on_the_loop_and_in_a_thread() -> None:
    resources = Resources([repository, pool])
    executors = Executors(1, 1_000, LIMITS, resources=resources)
    await resources.open()

    outcomes = []
    for target in (uses, uses_in_thread):
        task = ATTEMPT._replace(handler=target.name, payload='{"number": 7}')
        context = Context(task, ManualClock(NOON), list[Progress]().append)
        outcomes.append(await executors.of(target).run(target, task, context))

    assert outcomes == [Completed(7), Completed(7)]
    await executors.close()
    await resources.close()


async def test_lifespans_open_in_the_order_of_their_needs_and_close_in_the_reverse() -> None:
    resources = Resources([repository, bare, pool])

    await resources.open()
    await resources.open()
    await resources.close()
    await resources.close()

    assert sorted(events[:3]) == ["bare opened", "pool opened", "repository opened"]
    assert events.index("pool opened") < events.index("repository opened")
    assert events.index("repository closed") < events.index("pool closed")
    assert len(events) == 6
    assert resources.empty


async def test_one_task_opens_and_closes_them_all_whoever_asks() -> None:
    tasks: list[asyncio.Task[object] | None] = []

    @lifespan
    async def seen() -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    resources = Resources([seen])
    await asyncio.create_task(resources.open())
    await asyncio.create_task(resources.close())

    assert tasks[0] is tasks[1] is not None


async def test_one_that_cannot_open_is_named_and_the_others_are_closed() -> None:
    @lifespan
    async def broken(pool: Annotated[Pool, Resource]) -> AsyncIterator[int]:
        if events:
            raise OSError("no route to host")
        yield 1

    resources = Resources([broken, pool])

    with pytest.raises(ConfigurationError, match=r"^The lifespan .*broken cannot start: OSError: no route to host\.$"):
        await resources.open()
    await resources.close()

    assert events == ["pool opened", "pool closed"]


async def test_one_that_takes_too_long_to_open_is_named() -> None:
    @lifespan
    async def endless() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 1

    resources = Resources([endless], limit_seconds=0.05)

    with pytest.raises(ConfigurationError, match=r"endless cannot start: TimeoutError\.$"):
        await resources.open()
    await resources.close()


async def test_one_that_takes_too_long_to_close_is_left(caplog: pytest.LogCaptureFixture) -> None:
    @lifespan
    async def endless() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    resources = Resources([endless], limit_seconds=0.05)
    await resources.open()

    async with asyncio.timeout(10):
        await resources.close()

    assert "lifespans do not end within 0.05 s" in caplog.text


async def test_one_that_fails_to_close_does_not_keep_the_others_open(caplog: pytest.LogCaptureFixture) -> None:
    @lifespan
    async def broken(pool: Annotated[Pool, Resource]) -> AsyncIterator[int]:
        yield 1
        raise OSError("lost")

    resources = Resources([pool, broken])
    await resources.open()
    await resources.close()

    assert events == ["pool opened", "pool closed"]
    assert "broken failed to end" in caplog.text


def test_two_that_provide_the_same_are_refused_naming_both_places() -> None:
    @lifespan
    async def other_pool() -> AsyncIterator[Pool]:
        yield Pool()

    with pytest.raises(ConfigurationError, match=rf"Two lifespans provide Pool: {__name__}.pool and .*other_pool"):
        in_order([pool, other_pool])


def test_one_that_needs_what_none_provides_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="repository needs a Pool, and no lifespan provides one"):
        in_order([repository])


def test_a_circle_of_needs_is_refused() -> None:
    @lifespan
    async def first(second: Annotated[float, Resource]) -> AsyncIterator[int]:
        yield 1

    @lifespan
    async def second(first: Annotated[int, Resource]) -> AsyncIterator[float]:
        yield 1.0

    with pytest.raises(ConfigurationError, match="Break the circle"):
        in_order([first, second])


def test_a_handler_that_asks_for_what_none_provides_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"t\.uses asks for a Pool by its parameter 'pool', and no lifespan"):
        check_needs({"t.uses": uses}, [], {})


def test_an_isolated_handler_has_the_lifespans_of_its_module_alone() -> None:
    isolated = handler("t.isolated", isolation="process")(uses.function)
    everywhere: list[AnyLifespan] = [pool, repository]

    with pytest.raises(ConfigurationError, match=f"no lifespan in module {__name__}, which is all"):
        check_needs({isolated.name: isolated}, everywhere, {"elsewhere": everywhere})
    check_needs({isolated.name: isolated}, everywhere, {__name__: everywhere})


async def test_a_lifespan_can_be_used_by_itself() -> None:
    async with pool() as held:
        assert isinstance(held, Pool)

    assert events == ["pool opened", "pool closed"]


async def no_generator() -> Pool:
    return Pool()


async def unsaid():  # type: ignore[no-untyped-def]  # noqa: ANN201 - the matter of the test
    yield Pool()


async def with_payload(size: int) -> AsyncIterator[Pool]:
    yield Pool()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_generator, "async def function that yields once"),
        (unsaid, "say what it yields"),
        (with_payload, "parameter 'size' must be a resource"),
    ],
)
def test_a_function_that_cannot_be_a_lifespan_is_refused(function: object, words: str) -> None:
    with pytest.raises(SignatureError, match=words):
        lifespan(function)  # type: ignore[arg-type]  # the matter of the test


def test_the_types_are_what_they_are() -> None:
    assert isinstance(pool, Lifespan)
    assert isinstance(uses, Handler)
    assert (pool.provides, bare.provides, repository.needs) == (Pool, None, {"pool": Pool})
