"""The checks that end every scenario find what they are for: a check that finds nothing proves nothing."""

from dataclasses import replace

import pytest

from narad.domain.status import Status
from tests.support.invariants import Faults, Move, violations
from tests.support.journal import Run

TASK = "a task"
OLD, NEW = 1, 2
CLAIM = Move(task_id=TASK, attempt=0, source=Status.NEW, target=Status.IN_PROGRESS)
RESCUE = Move(task_id=TASK, attempt=1, source=Status.IN_PROGRESS, target=Status.PENDING)
CLAIM_AGAIN = Move(task_id=TASK, attempt=1, source=Status.PENDING, target=Status.IN_PROGRESS)
COMPLETE = Move(task_id=TASK, attempt=2, source=Status.IN_PROGRESS, target=Status.COMPLETED)
MOVES = [CLAIM, RESCUE, CLAIM_AGAIN, COMPLETE]
FIRST = Run(task_id=TASK, attempt=1, pid=OLD, started=10, ended=11)
SECOND = Run(task_id=TASK, attempt=2, pid=NEW, started=12, ended=13)
LATE = replace(FIRST, ended=12.5)
KILLED = replace(FIRST, ended=None)


@pytest.mark.parametrize(
    ("runs", "faults"),
    [
        ([FIRST, SECOND], Faults()),
        ([LATE, SECOND], Faults(cut_off={OLD})),
        ([KILLED, SECOND], Faults(killed_at={OLD: 11.5})),
    ],
)
def test_what_is_in_order_is_not_blamed(runs: list[Run], faults: Faults) -> None:
    assert not violations([TASK], [TASK], MOVES, runs, faults)


@pytest.mark.parametrize(
    ("accepted", "moves", "runs", "faults", "found"),
    [
        ([TASK, "another"], MOVES, [], Faults(), "lost: another"),
        ([TASK, TASK], MOVES, [], Faults(), "given out twice"),
        ([TASK], [*MOVES, replace(COMPLETE, source=Status.COMPLETED)], [], Faults(), "illegal"),
        ([TASK], [*MOVES, COMPLETE], [], Faults(), "attempt 2 of a task was finished 2 times"),
        ([TASK], [*MOVES, replace(COMPLETE, attempt=3)], [], Faults(), "became final 2 times"),
        ([TASK], MOVES, [FIRST, replace(FIRST, pid=NEW, started=11, ended=12)], Faults(), "ran 2 times"),
        ([TASK], MOVES, [LATE, SECOND], Faults(), "overlap"),
        ([TASK], MOVES, [LATE, SECOND], Faults(cut_off={NEW}), "overlap"),
        ([TASK], MOVES, [KILLED, SECOND], Faults(), "overlap"),
        ([TASK], MOVES, [KILLED, SECOND], Faults(killed_at={OLD: 12.5}), "overlap"),
    ],
)
def test_a_broken_invariant_is_found(
    accepted: list[str], moves: list[Move], runs: list[Run], faults: Faults, found: str
) -> None:
    (violation, *_) = violations(accepted, [TASK], moves, runs, faults)

    assert found in violation
