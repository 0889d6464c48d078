"""Handlers that imitate work: for a first try, for the documentation, and for tests."""

import asyncio
import random
from typing import Annotated, Any

from pydantic import Field

from narad.worker.context import Context
from narad.worker.handler import handler
from narad.worker.signals import Fatal

_LONGEST_SECONDS = 3_600


class SimulatedFailure(Exception):  # noqa: N818 - shown to users as the type of the error
    """What `demo.simulate` raises when its dice say so."""


@handler("demo.simulate")
async def simulate(
    ctx: Context,
    seconds: Annotated[float, Field(ge=0, le=_LONGEST_SECONDS)] | None = None,
    steps: Annotated[int, Field(ge=1, le=1_000)] = 5,
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0,
    seed: int | None = None,
) -> dict[str, float | int]:
    """Imitate work.

    Takes `seconds`, by default a random time between 0.5 and 2, in `steps` steps with progress, and fails with the
    probability `failure_rate`. The same `seed` gives the same course.
    """
    dice = random.Random(seed)  # noqa: S311 - imitates work, protects nothing
    duration = dice.uniform(0.5, 2) if seconds is None else seconds
    failing_step = dice.randrange(steps) if dice.random() < failure_rate else None
    for step in range(steps):
        await ctx.progress(step / steps, f"step {step + 1} of {steps}")
        await asyncio.sleep(duration / steps)
        if step == failing_step:
            ctx.log(f"The dice have chosen step {step + 1} to fail.", level="WARNING")
            raise SimulatedFailure(f"The simulation failed at step {step + 1} of {steps}.")
    await ctx.progress(1, "done")
    return {"seconds": round(duration, 3), "steps": steps}


@handler("demo.echo")
async def echo(**payload: Any) -> dict[str, Any]:
    """Return the payload."""
    return payload


@handler("demo.fail")
async def fail(message: str = "This task fails on purpose.", *, fatal: bool = False) -> None:
    """Fail with `message`; with `fatal` at once, otherwise after the usual attempts."""
    raise Fatal(message) if fatal else SimulatedFailure(message)
