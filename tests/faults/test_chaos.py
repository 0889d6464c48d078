"""Faults at random under a mixed load, in a form short enough for every run; `make chaos` is the long one."""

import logging
from random import Random

import pytest

from tests.chaos.engine import WORKERS, play
from tests.chaos.schedule import draw
from tests.chaos.strikes import STRIKES
from tests.support.scene import StartScene

SECONDS = 30.0
# An API killed, a RabbitMQ wiped, a worker killed, a database silent past every lease.
SEED = 1668
FAULTS = 4

log = logging.getLogger(__name__)


@pytest.mark.timeout(240)
def test_no_invariant_breaks_in_half_a_minute_of_chaos(start_scene: StartScene) -> None:
    report = play(start_scene(workers=WORKERS), seed=SEED, seconds=SECONDS, say=log.info)

    assert not report.problems, report.table()
    assert len(report.struck) == FAULTS
    assert len(report.recoveries) == FAULTS
    assert report.answers.cancels


def test_the_seed_alone_decides_which_faults_strike() -> None:
    kinds = list(STRIKES)
    seconds = len(kinds) * 10.0

    first, again, other = (draw(Random(seed), kinds, seconds) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert {appointment.kind for appointment in first} == set(kinds)
