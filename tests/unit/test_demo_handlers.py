"""The handlers that imitate work."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from narad import Fatal
from narad.clock import ManualClock
from narad.domain.log_line import LogLine
from narad.domain.task import JsonObject
from narad.handlers.demo import SimulatedFailure, echo, fail, simulate
from narad.worker.context import Context
from narad.worker.signature import PayloadError
from tests.support.attempts import ATTEMPT, NOON


async def simulated(steps: int = 5, failure_rate: float = 0, seed: int | None = None) -> Mapping[str, float | int]:
    """Run the simulation, without the wait."""

    context = Context(ATTEMPT, ManualClock(NOON), lambda _progress: None)
    async with asyncio.timeout(5):
        return await simulate(context, seconds=0, steps=steps, failure_rate=failure_rate, seed=seed)


async def test_a_simulation_says_what_it_did() -> None:
    assert await simulated(steps=3) == {"seconds": 0, "steps": 3}


async def test_a_simulation_fails_always_or_never_if_told_so() -> None:
    for seed in range(20):
        await simulated(failure_rate=0, seed=seed)
        with pytest.raises(SimulatedFailure):
            await simulated(failure_rate=1, seed=seed)


async def test_the_same_seed_gives_the_same_course() -> None:
    messages = set()
    for _ in range(3):
        with pytest.raises(SimulatedFailure) as caught:
            await simulated(failure_rate=1, steps=1_000, seed=5)
        messages.add(str(caught.value))

    assert len(messages) == 1


async def test_a_simulation_logs_that_it_is_going_to_fail() -> None:
    kept: list[LogLine] = []
    context = Context(ATTEMPT, ManualClock(NOON), lambda _progress: None, kept.append)

    with pytest.raises(SimulatedFailure):
        await simulate(context, seconds=0, steps=1, failure_rate=1)

    assert [line.message for line in kept] == ["The dice have chosen step 1 to fail."]


@pytest.mark.parametrize(
    "payload", [{"seconds": -1}, {"seconds": 3_601}, {"steps": 0}, {"failure_rate": 1.1}, {"ctx": 1}]
)
def test_a_simulation_refuses_what_makes_no_sense(payload: JsonObject) -> None:
    with pytest.raises(PayloadError, match=f"^{next(iter(payload))}: "):
        simulate.signature.arguments(json.dumps(payload))


def test_the_default_handler_needs_no_payload() -> None:
    assert simulate.signature.arguments(json.dumps({}))["seconds"] is None


async def test_an_echo_returns_any_payload() -> None:
    payload: JsonObject = {"a": [1, None], "payload": {"b": "c"}}

    assert await echo(**echo.signature.arguments(json.dumps(payload))) == payload


async def test_a_failure_on_purpose_is_for_good_only_if_fatal() -> None:
    with pytest.raises(SimulatedFailure, match="so be it"):
        await fail("so be it")
    with pytest.raises(Fatal, match="so be it"):
        await fail("so be it", fatal=True)
