"""Load, faults, and what must hold after them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from tests.chaos.mix import Mix
from tests.chaos.report import Report, Struck
from tests.chaos.schedule import Appointment, draw
from tests.chaos.strikes import STRIKES
from tests.support.load import Answers, Load
from tests.support.scene import Scene

WORKERS = 3

_PER_SECOND = 25.0
_AFTER_THE_LAST = 50
"""Tasks accepted after the last fault, so that its recovery is seen too."""
_RECOVERY_SECONDS = 60.0
_FINAL_SECONDS = 120.0
_FINE = frozenset({200, 202, 409, 503})
"""What the API may answer to a cancel."""


def play(scene: Scene, *, seed: int, seconds: float, say: Callable[[str], None]) -> Report:
    """Let faults strike for so long, heal everything, and see what became of every task.

    The seed decides all that is random: first the faults, then, one after the other, the tasks.
    """
    dice = Random(seed)
    appointments = draw(dice, list(STRIKES), seconds)
    started_at = time.monotonic()
    with scene.load(_PER_SECOND, Mix(dice)) as load:
        struck = [_strike(scene, load, appointment, started_at, say) for appointment in appointments]
        scene.heal()
        load.wait_for_more(_AFTER_THE_LAST, seconds=_RECOVERY_SECONDS)
    say("everything is healed; waiting for the last tasks")
    problems = [*_unfit_answers(load.answers), *_violations(scene, load.accepted), *scene.new_complaints()]
    return Report(answers=load.answers, tasks=scene.evidence.tasks(), struck=struck, problems=problems)


def _strike(
    scene: Scene, load: Load, appointment: Appointment, started_at: float, say: Callable[[str], None]
) -> Struck:
    time.sleep(max(0.0, started_at + appointment.at_seconds - time.monotonic()))
    begun = time.monotonic()
    STRIKES[appointment.kind](scene, load, appointment.choice)
    took = time.monotonic() - begun
    say(f"{begun - started_at:6.1f} s  {appointment.kind}, for {took:.1f} s; {len(load.accepted)} tasks accepted")
    return Struck(appointment.kind, datetime.now(UTC))


def _violations(scene: Scene, accepted: list[str]) -> list[str]:
    try:
        scene.check(accepted, seconds=_FINAL_SECONDS)
    except AssertionError as error:
        return str(error).splitlines()
    return []


def _unfit_answers(answers: Answers) -> list[str]:
    refused = {answer.status_code: answer.text for answer in answers.refused if answer.status_code != 503}
    return [
        *(f"a POST was answered with {code}: {text}" for code, text in refused.items()),
        *(f"{times} cancels were answered with {code}" for code, times in answers.cancels.items() if code not in _FINE),
    ]
